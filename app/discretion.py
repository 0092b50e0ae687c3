"""What a visitor is told of a failure: at one's own machine all of it, on a public host what helps there."""

from collections.abc import Callable

from snnet.weights.files import WeightsError

LATER = "This can't be done at the moment: try again later, or tell who runs this page."


class AbsentError(WeightsError):
    """Weights that would have to be fetched first; the sentence is a visitor's own."""


class Discretion:
    """Turns errors into sentences for visitors; a public host's `log` gets what names its own places.

    Without a log nothing is left out: who asks is at the machine itself.
    """

    def __init__(self, log: Callable[[str], None] | None = None) -> None:
        self._log = log

    def sentence(self, error: Exception, instead: str = LATER) -> str:
        """Return an error in a sentence, or `instead` where it may name what is the host's own."""
        is_open = isinstance(error, AbsentError) or not isinstance(error, WeightsError | OSError)
        if self._log is None or is_open:
            return str(error)
        self._log(str(error))
        return instead


OPEN = Discretion()
