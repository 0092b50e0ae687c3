"""The tables of the results store, and the numbered steps that bring an older file to them.

A file's version is its `PRAGMA user_version`. All steps that a file needs run in the transaction of the first
write to it: it has all of them afterwards, or none. A change of the tables is a new step at the end.
"""

import sqlite3
from collections.abc import Callable, Sequence

from snnet.evaluation.checksums import checksum
from snnet.evaluation.results import COLUMNS, FIRST_COLUMNS, IMAGENET_1K, KEY, TORCH, from_foreign_row

# what a row's checksum is over, in this order
RESULT = COLUMNS
HITS = ("sum_of_result", "photo_order", "photos", "measured", "top1", "top5")
FINGERPRINT = ("path", "size", "modified", "fingerprint")
PROGRESS = ("run", "state")

_KINDS = {"total": "INTEGER", "top1": "INTEGER", "top5": "INTEGER", "latency_ms": "REAL"}
REALS = {name for name, kind in _KINDS.items() if kind == "REAL"}  # a whole one is kept as an integer
_RESULTS = f"""
CREATE TABLE results (
    id INTEGER PRIMARY KEY,
    {", ".join(f"{name} {_KINDS.get(name, 'TEXT')}" for name in COLUMNS)},
    checksum BLOB,
    UNIQUE ({", ".join(KEY)})
)"""  # the key begins with route and transform: the index that a network's own results are found by
_HITS = """
CREATE TABLE hits (
    result INTEGER PRIMARY KEY,
    photo_order TEXT, photos INTEGER, measured BLOB, top1 BLOB, top5 BLOB,
    checksum BLOB
)"""
_FINGERPRINTS = """
CREATE TABLE fingerprints (
    path TEXT, size INTEGER, modified INTEGER, fingerprint TEXT,
    checksum BLOB,
    PRIMARY KEY (path, size, modified)
)"""
_PROGRESS = "CREATE TABLE progress (run TEXT PRIMARY KEY, state BLOB, checksum BLOB)"


def version(connection: sqlite3.Connection) -> int:
    """Return the version of a file; that of a file without tables is the newest."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def tables(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables in a file."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name.decode() if isinstance(name, bytes) else name for (name,) in rows}


def columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {row[1].decode() if isinstance(row[1], bytes) else row[1] for row in rows}


def migrate(connection: sqlite3.Connection) -> None:
    """Run the steps that a file needs, within the caller's transaction."""
    for number in range(version(connection), VERSION):
        _STEPS[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")


def _with_checksums(connection: sqlite3.Connection) -> None:
    """Step 1: checksums, classes, engine, latency, hits; an index by route and transform.

    A row that is no sound one goes along without a checksum: it is reported when it is met, and never lost.
    """
    before = tables(connection)
    for table in before & {"results", "fingerprints", "progress"}:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_0")
    for statement in (_RESULTS, _HITS, _FINGERPRINTS, _PROGRESS):
        connection.execute(statement)
    if "results" in before:
        _copy(
            connection,
            f"SELECT {', '.join(FIRST_COLUMNS)} FROM results_0",  # nosec B608 # the schema's own names
            f"INSERT OR REPLACE INTO results ({', '.join(COLUMNS)}, checksum) "
            f"VALUES ({', '.join('?' * (len(COLUMNS) + 1))})",
            lambda row: sound_result([*row, IMAGENET_1K, TORCH, None]),
        )
    if "fingerprints" in before:
        source = f"SELECT {', '.join(FINGERPRINT)} FROM fingerprints_0"  # nosec B608 # the schema's own names
        _copy(connection, source, "INSERT OR REPLACE INTO fingerprints VALUES (?, ?, ?, ?, ?)", _sound)
    if "progress" in before:
        source = "SELECT run, state FROM progress_0"
        _copy(connection, source, "INSERT OR REPLACE INTO progress VALUES (?, ?, ?)", _sound_progress)
    for table in before & {"results", "fingerprints", "progress"}:
        connection.execute(f"DROP TABLE {table}_0")


def sound_result(values: Sequence[object]) -> tuple[list[object], bytes | None]:
    """Return a result's values as COLUMNS name them, and their checksum: None if they are not sound."""
    decoded = texts(values)
    try:
        from_foreign_row(dict(zip(COLUMNS, decoded, strict=True)))
    except ValueError:
        return decoded, None
    return decoded, checksum(decoded)


def texts(values: Sequence[object]) -> list[object]:
    """Return values that were read in bytes, those that are bytes as texts."""
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]


def _sound(values: Sequence[object]) -> tuple[list[object], bytes]:
    return texts(values), checksum(values)


def _sound_progress(values: Sequence[object]) -> tuple[list[object], bytes]:
    return [*texts(values[:1]), values[1]], checksum(values)


def _copy(
    connection: sqlite3.Connection,
    source: str,
    target: str,
    sound: Callable[[Sequence[object]], tuple[list[object], bytes | None]],
) -> None:
    """Copy rows one by one, so that millions take no memory, each with its checksum."""
    for row in connection.execute(source):
        values, digest = sound(row)
        connection.execute(target, [*values, digest])


_STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (_with_checksums,)
VERSION = len(_STEPS)
