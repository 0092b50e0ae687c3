"""The refusal of work that would wait too long."""

from typing import Any


class Busy(RuntimeError):
    """More wait than can be answered soon: `place` of them, and after how many seconds to ask again."""

    def __init__(self, place: int, retry_after_s: int) -> None:
        super().__init__(f"the app is busy, {place} are waiting: ask again in {retry_after_s} s")
        self.place = place
        self.retry_after_s = retry_after_s

    def answer(self) -> dict[str, Any]:
        """Return what who asked is told: {"error", "busy": {"place", "retry_s"}}."""
        return {"error": str(self), "busy": {"place": self.place, "retry_s": self.retry_after_s}}
