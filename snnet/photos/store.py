"""Where photos lie: what a folder, Parquet files and the hub have in common."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from snnet.photos.fingerprints import Remember, Source

UNKNOWN = -1  # the label of a photo whose class is not known
ACCEPTED = (
    "a Parquet file, several, a glob of them, a folder of Parquet files, a folder of photos, "
    "or a data set of the hub (hf://datasets/owner/name)"
)


class SourceError(OSError):
    """Says in one sentence why the place where photos lie doesn't give them, and what to do."""


class Store(ABC):
    """Where photos lie: all of them, in a fixed order, none decoded; a row is a photo's number in it."""

    title: str
    note = ""  # what `describe` adds
    why_not = ""  # why its classes can't be read, and what to do; then no photo has a label
    reading = ""  # how its classes are read, where that is not as they stand
    local = True  # on this machine, with labels that cost nothing

    def add_note(self, text: str) -> None:
        """Have `describe` say one thing more."""
        self.note = "; ".join(filter(None, (self.note, text)))

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def label(self, row: int) -> int:
        """Return the label of one photo, UNKNOWN where there is none."""

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]:
        """Return the label of each of these photos."""
        return tuple(self.label(row) for row in rows)

    def group(self, row: int) -> int | None:
        """Return the number of the row group in which a photo lies; None where it is a file of its own."""
        return None

    @abstractmethod
    def read(self, row: int) -> tuple[Source | bytes, str | None]:
        """Return what `decode` takes: a path or bytes, and a name."""

    @abstractmethod
    def where(self, row: int) -> str:
        """Return how a sentence names a photo."""

    @abstractmethod
    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str:
        """Return a hash of the files, or of those that these rows lie in."""

    @abstractmethod
    def order(self, rows: Sequence[int], remember: Remember | None) -> str:
        """Return a hash that tells orders of equal photos apart, as `fingerprint` may not."""

    def doubles(self, rows: Sequence[int], remember: Remember | None) -> list[list[int]]:
        """Return those of the rows that are one photo, byte for byte, together; files alone are compared."""
        return []
