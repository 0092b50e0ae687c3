"""The store of results, keyed by what produced them.

A result belongs to the tensors on a stitch's route, the photos, the transform and the precision: change any
and it is another result, never a stale one. The user's results lie in a SQLite file in `paths.home()`; those
that ship are a small table in `assets/results`, read the same way.
"""

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from snnet.paths import ASSETS, home
from snnet.stitches.stitch import Part, Stitch

if TYPE_CHECKING:
    from snnet.network.network import StitchedNetwork

SHIPPED = ASSETS / "results"


@dataclass(frozen=True)
class Result:
    """Right answers of one stitch on one set of photos.

    `per_class` maps a class to (photos, right at first, right within five). `photos_about`, `measured_on`
    (ISO date), `network` and `stitch` are for people; the first four fields are the key.
    """

    route: str
    photos: str
    transform: str
    precision: str
    total: int
    top1: int
    top5: int
    per_class: Mapping[int, tuple[int, int, int]]
    photos_about: str
    measured_on: str
    network: str
    stitch: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What produced the result."""
        return self.route, self.photos, self.transform, self.precision


_COLUMNS = tuple(f.name for f in fields(Result))


def _to_row(result: Result) -> dict[str, object]:
    compact = json.dumps(
        {str(c): list(v) for c, v in sorted(result.per_class.items())}, separators=(",", ":")
    )
    return asdict(result) | {"per_class": compact}


def _from_row(row: Mapping[str, object]) -> Result:
    values: dict = dict(row)
    for name in ("total", "top1", "top5"):
        values[name] = int(values[name])
    values["per_class"] = {int(c): tuple(v) for c, v in json.loads(values["per_class"]).items()}
    return Result(**values)


class Store:
    """The user's results in one SQLite file; every call opens it anew, so threads and processes may share it.

    Nothing is created before the first `put`. Every call raises OSError, naming the file, if it is damaged.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or home() / "results.sqlite"

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
                connection.row_factory = sqlite3.Row
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS results ({', '.join(_COLUMNS)}, "
                    "PRIMARY KEY (route, photos, transform, precision))"
                )
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS fingerprints "
                    "(path, size, modified, fingerprint, PRIMARY KEY (path, size, modified))"
                )
                connection.execute("CREATE TABLE IF NOT EXISTS progress (run PRIMARY KEY, state BLOB)")
                yield connection
        except sqlite3.Error as error:
            raise OSError(
                f"the results in {self.file} can't be used ({error}): move the file away to begin a new one"
            ) from error

    def put(self, results: Iterable[Result]) -> None:
        """Add results in one transaction; one with the same key is replaced."""
        self.finish(results, "")

    def finish(self, results: Iterable[Result], run: str) -> None:
        """Add the results of a run and forget how far it was, in one transaction."""
        holders = ", ".join(f":{name}" for name in _COLUMNS)
        with self._connect() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO results VALUES ({holders})", [_to_row(result) for result in results]
            )
            connection.execute("DELETE FROM progress WHERE run = ?", (run,))

    def progress(self, run: str) -> bytes | None:
        """Return what an unfinished run kept last, or None."""
        if not self.file.is_file():
            return None
        with self._connect() as connection:
            row = connection.execute("SELECT state FROM progress WHERE run = ?", (run,)).fetchone()
        return row[0] if row else None

    def put_progress(self, run: str, state: bytes) -> None:
        """Keep how far a run is, in place of what was kept of it before."""
        with self._connect() as connection:
            connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (run, state))

    @property
    def fingerprints(self) -> "Fingerprints":
        """The contents of files by path, size and time, so that a look-up reads no photo."""
        return Fingerprints(self)

    def all(self) -> list[Result]:
        """Return every result."""
        if not self.file.is_file():
            return []
        with self._connect() as connection:
            columns = ", ".join(_COLUMNS)
            return [_from_row(dict(row)) for row in connection.execute(f"SELECT {columns} FROM results")]


class Fingerprints:
    """Remembers the hash of a file's content by (path, bytes, mtime in ns), in the store's file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: tuple[str, int, int]) -> str | None:
        """Return the hash of a file that has not changed since, or None."""
        if not self._store.file.is_file():
            return None
        where = "path = ? AND size = ? AND modified = ?"
        with self._store._connect() as connection:
            row = connection.execute(f"SELECT fingerprint FROM fingerprints WHERE {where}", key).fetchone()
        return row[0] if row else None

    def __setitem__(self, key: tuple[str, int, int], fingerprint: str) -> None:
        with self._store._connect() as connection:
            connection.execute("INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?, ?)", (*key, fingerprint))


@cache
def shipped() -> tuple[Result, ...]:
    """Return the results that ship with the project."""
    return tuple(result for file in sorted(SHIPPED.glob("*.csv")) for result in read_table(file))


def read_table(file: Path) -> list[Result]:
    """Return the results of a table that `write_table` wrote."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [_from_row(row) for row in csv.DictReader(lines)]


def write_table(results: Sequence[Result], file: Path) -> None:
    """Write results as a CSV table, for shipping."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_to_row(result) for result in results)


def routes(net: "StitchedNetwork") -> dict[str, str]:
    """Return the hash of every stitch's route by name: of what runs and with which tensors, nothing else.

    An anchor alone therefore keeps its results when a stitching layer changes, or in another network.
    """
    digests: dict[Part, bytes] = {}
    found = {}
    for stitch in net.stitches:
        route = hashlib.sha256()
        for part in net.parts(stitch):
            if part not in digests:
                digests[part] = _digest(net, part)
            route.update(digests[part])
        found[stitch.name] = route.hexdigest()[:32]
    return found


def _digest(net: "StitchedNetwork", part: Part) -> bytes:
    owner = "layer" if part.kind == "layer" else net.anchors[part.anchor].architecture
    digest = hashlib.sha256(f"{part.kind} {part.index} {owner}".encode())
    for name, tensor in sorted(net.tensors(part).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.digest()


def known(
    net: "StitchedNetwork", store: Store | None = None, along: Sequence[Result] = ()
) -> list[tuple[Stitch, Result]]:
    """Return every result that holds for a stitch of this network as it is, the user's own last.

    `along` are results that came with the network's folder.
    """
    by_route: dict[tuple[str, str], list[Stitch]] = {}
    names = routes(net)
    for stitch in net.stitches:
        by_route.setdefault((names[stitch.name], net.transform(stitch).key), []).append(stitch)
    every = [*shipped(), *along, *(store or Store()).all()]
    return [(stitch, r) for r in every for stitch in by_route.get((r.route, r.transform), [])]
