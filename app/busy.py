"""The refusal of work that would wait too long."""


class Busy(RuntimeError):
    """More wait than can be answered soon: `place` in the line that there would be, seconds after which to ask."""

    def __init__(self, place: int, retry_after_s: int) -> None:
        super().__init__(f"The app is busy: {place} wait for an answer. It asks again in {retry_after_s} s.")
        self.place = place
        self.retry_after_s = retry_after_s
