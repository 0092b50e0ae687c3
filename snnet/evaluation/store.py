"""The user's results in one SQLite file in `paths.home()`, and what is remembered beside them."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from snnet.evaluation.results import COLUMNS, Result, from_row, to_row
from snnet.paths import home


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
                    f"CREATE TABLE IF NOT EXISTS results ({', '.join(COLUMNS)}, "
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

    def select(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """Return the rows of a SELECT; none where there is no file yet."""
        if not self.file.is_file():
            return []
        with self._connect() as connection:
            return connection.execute(question, values).fetchall()

    def insert(self, table: str, *values: Any) -> None:
        """Add a row, in place of the one with its key."""
        with self._connect() as connection:
            holders = ", ".join("?" * len(values))
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({holders})", values)

    def put(self, results: Iterable[Result]) -> None:
        """Add results in one transaction; one with the same key is replaced."""
        self.finish(results, "")

    def finish(self, results: Iterable[Result], run: str) -> None:
        """Add the results of a run and forget how far it was, in one transaction."""
        holders = ", ".join(f":{name}" for name in COLUMNS)
        with self._connect() as connection:
            connection.executemany(
                f"INSERT OR REPLACE INTO results VALUES ({holders})", [to_row(result) for result in results]
            )
            connection.execute("DELETE FROM progress WHERE run = ?", (run,))

    def progress(self, run: str) -> bytes | None:
        """Return what an unfinished run kept last, or None."""
        rows = self.select("SELECT state FROM progress WHERE run = ?", run)
        return rows[0][0] if rows else None

    def put_progress(self, run: str, state: bytes) -> None:
        """Keep how far a run is, in place of what was kept of it before."""
        self.insert("progress", run, state)

    @property
    def fingerprints(self) -> "Fingerprints":
        """The contents of files by path, size and time, so that a look-up reads no photo."""
        return Fingerprints(self)

    def all(self) -> list[Result]:
        """Return every result."""
        return [from_row(dict(row)) for row in self.select(f"SELECT {', '.join(COLUMNS)} FROM results")]


class Fingerprints:
    """Remembers the hash of a file's content by (path, bytes, mtime in ns), in the store's file."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: tuple[str, int, int]) -> str | None:
        """Return the hash of a file that has not changed since, or None."""
        where = "path = ? AND size = ? AND modified = ?"
        rows = self._store.select(f"SELECT fingerprint FROM fingerprints WHERE {where}", *key)
        return rows[0][0] if rows else None

    def __setitem__(self, key: tuple[str, int, int], fingerprint: str) -> None:
        self._store.insert("fingerprints", *key, fingerprint)
