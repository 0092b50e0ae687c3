"""Where photos lie: what a folder, Parquet files and the hub have in common."""

from collections.abc import Sequence
from typing import Protocol

from snnet.photos.fingerprints import Remember, Source

UNKNOWN = -1  # the label of a photo whose class is not known
ACCEPTED = (
    "a Parquet file, several, a glob of them, a folder of Parquet files, a folder of photos, "
    "or a data set of the hub (hf://datasets/owner/name)"
)


class SourceError(OSError):
    """Says in one sentence why the place where photos lie doesn't give them, and what to do."""


class Store(Protocol):
    """Where photos lie: all of them, in a fixed order, none decoded."""

    title: str
    note: str  # what `describe` adds
    imagenet: bool  # the labels are indices of ImageNet-1k
    local: bool  # on this machine, with labels that cost nothing

    def __len__(self) -> int: ...

    def labels(self, rows: Sequence[int]) -> tuple[int, ...]: ...

    def label(self, row: int) -> int: ...

    def group(self, row: int) -> int | None: ...  # of rows that are read together

    def read(self, row: int) -> tuple[Source | bytes, str | None]: ...  # what photos.decode takes

    def where(self, row: int) -> str: ...

    def fingerprint(self, rows: Sequence[int] | None, remember: Remember | None) -> str: ...
