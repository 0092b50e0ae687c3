"""The user's results in one SQLite file in `paths.home()`, and what is remembered beside them.

The file has a rollback journal, not a write-ahead log: a log needs memory that all processes share, which
network file systems have not, and two more files beside it, which a folder that is only read can't get. A
commit is on the disk when a call returns; one that a killed process left half is rolled back by whoever opens
the file next. Locks go with the process that holds them.
"""

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from snnet.evaluation import schema
from snnet.evaluation.checksums import checksum
from snnet.evaluation.remedies import (
    ELSEWHERE,
    DamageError,
    StoreError,
    damage,
    holders,
    is_busy,
    store_error,
    unwritable,
)
from snnet.evaluation.results import (
    COLUMNS,
    FIRST_COLUMNS,
    IMAGENET_1K,
    KEY,
    TORCH,
    Result,
    from_row,
    to_row,
)
from snnet.evaluation.salvage import salvage
from snnet.optional import optional, warn
from snnet.paths import home

if TYPE_CHECKING:
    from snnet.evaluation.hits import Hits

BUSY_S = 30.0  # to wait for another process that writes
_SILENT_S = 5.0  # of that, before a warning says who that is
_MOST_BYTES = 1 << 27  # of one value: more is damage
_MOST_CHECKED_BYTES = 1 << 26  # a second's reading, for which no other process can write
_AT_ONCE = 500  # routes in a question


class Store:
    """The user's results in one SQLite file; every call opens it anew, so threads and processes may share it.

    Nothing is created before the first `put`; the first write to a file of an earlier version gives it this
    one's tables. Every call raises StoreError, naming the file and what helps, where that can't be used:
    DamageError where it is damaged. A damaged row is left out, with a warning.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or home() / "results.sqlite"

    # --------------------------------------------------------------------------------------- opening

    @contextmanager
    def _open(self, mode: str) -> Iterator[sqlite3.Connection]:
        try:
            address = f"file:{quote(os.path.abspath(self.file))}?mode={mode}"
            with closing(
                sqlite3.connect(address, timeout=BUSY_S, uri=True, isolation_level=None)
            ) as connection:
                connection.text_factory = bytes  # a damaged text is a damaged row's, and no decoder's error
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
                connection.execute("PRAGMA cell_size_check = ON")
                connection.execute("PRAGMA trusted_schema = OFF")
                # the folder too: no commit comes undone
                self._patiently(connection, "PRAGMA synchronous = EXTRA")
                yield connection
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            raise store_error(self.file, error, BUSY_S) from error

    def _patiently(self, connection: sqlite3.Connection, statement: str) -> None:
        """Run what may have to wait for another process, saying after a while for which."""
        silent_s = min(_SILENT_S, BUSY_S)
        connection.execute(f"PRAGMA busy_timeout = {silent_s * 1000:.0f}")
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
        warn(f"waiting for the results in {self.file}, which {holders(self.file)} has locked")
        connection.execute(f"PRAGMA busy_timeout = {(BUSY_S - silent_s) * 1000:.0f}")
        connection.execute(statement)

    def _check_version(self, connection: sqlite3.Connection) -> int:
        """Return the version of the file; StoreError for a newer one, DamageError for one its tables deny."""
        number = schema.version(connection)
        if number > schema.VERSION:
            raise StoreError(
                f"the results in {self.file} are of a newer version ({number}, where this one reads up to "
                f"{schema.VERSION}): update the project, or {ELSEWHERE}"
            )
        names = schema.tables(connection)
        is_older = "results" in names and "checksum" not in schema.columns(connection, "results")
        if number < 0 or bool(number) != ("results" in names and not is_older):
            raise damage(self.file, f"the version {number} is not that of its tables")
        return number

    @contextmanager
    def _reading(self) -> Iterator[tuple[sqlite3.Connection, int] | None]:
        """Give the connection and the version of the file, in a transaction; None where there is no file."""
        try:
            there = self.file.stat()
        except (FileNotFoundError, NotADirectoryError):
            yield None
            return
        except OSError as denial:
            raise unwritable(self.file, denial) from denial
        if not there.st_size:  # made by a process that was killed before its first commit
            yield None
            return
        # for writing, as a commit that was killed halfway must be rolled back; where it can't be, for reading
        with self._open("rw") as connection:
            self._patiently(connection, "BEGIN")
            yield connection, self._check_version(connection)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection to this version's tables, in a transaction that is committed at the end."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.file, error) from error
        with self._open("rwc") as connection:
            self._patiently(connection, "BEGIN IMMEDIATE")
            if not self._check_version(connection):
                schema.migrate(connection)
            yield connection
            connection.execute("COMMIT")

    def check(self, needed: int = 0) -> None:
        """Raise StoreError unless results can be kept here: the file sound and writable, and room for them.

        `needed` is in bytes. Reads a file of usual size once: for what takes long afterwards. See `mend`.
        """
        self.mend()
        self.put_progress("", b"")  # what can't be written shows now
        with self._writing() as connection:
            connection.execute("DELETE FROM progress WHERE run = ''")
        if shutil.disk_usage(self.file.parent).free < needed:
            raise unwritable(self.file, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), needed)

    def mend(self) -> bool:
        """Salvage what can be read of a damaged file, which stays beside the new one; True if there was one.

        A warning says what was salvaged. Raises StoreError where the file can't be used for another reason.
        """
        try:
            with self._reading() as there:
                is_large = there is not None and self.file.stat().st_size > _MOST_CHECKED_BYTES
                is_sound = there is None or is_large or _is_sound(there[0])
        except DamageError:
            is_sound = False
        if not is_sound:
            warn(salvage(self.file, BUSY_S).describe())
        return not is_sound

    # --------------------------------------------------------------------------------------- results

    def put(self, results: Iterable[Result]) -> None:
        """Add results in one transaction; one with the same key is replaced."""
        self.finish(results, "")

    def finish(self, results: Iterable[Result], run: str) -> None:
        """Add the results of a run and forget how far it was, in one transaction."""
        with self._writing() as connection:
            for result in results:
                self._put(connection, result)
            connection.execute("DELETE FROM progress WHERE run = ?", (run,))

    def _put(self, connection: sqlite3.Connection, result: Result) -> None:
        where = " AND ".join(f"{name} = ?" for name in KEY)
        # Here and below a statement's names are the schema's own; what comes from outside is bound to a "?".
        numbers = f"SELECT id FROM results WHERE {where}"  # nosec B608
        for (number,) in connection.execute(numbers, result.key).fetchall():
            connection.execute("DELETE FROM hits WHERE result = ?", (number,))
            connection.execute("DELETE FROM results WHERE id = ?", (number,))
        row = to_row(result)
        digest = checksum(row.values())
        number = connection.execute(
            f"INSERT INTO results ({', '.join(row)}, checksum) "  # nosec B608
            f"VALUES ({', '.join('?' * (len(row) + 1))})",
            (*row.values(), digest),
        ).lastrowid
        if hits := result.hits:
            from snnet.evaluation.hits import to_bytes

            bits = [to_bytes(bits) for bits in (hits.measured, hits.top1, hits.top5)]
            values = (hits.order, len(hits.measured), *bits)
            connection.execute("DELETE FROM hits WHERE result = ?", (number,))  # of a row lost by damage
            connection.execute(
                "INSERT INTO hits VALUES (?, ?, ?, ?, ?, ?, ?)",
                (number, *values, checksum((digest, *values))),
            )

    def results(self, routes: Iterable[str]) -> list[Result]:
        """Return the results of these routes, at whatever transform."""
        names = list(dict.fromkeys(routes))
        parts = [names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE)]
        questions = [(f"WHERE route IN ({', '.join('?' * len(part))}) ORDER BY id", part) for part in parts]
        return self._select(questions)

    def all(self) -> list[Result]:
        """Return every result."""
        return self._select([("ORDER BY id", [])])

    def newest(self, most: int) -> list[Result]:
        """Return so many results, those that came last first."""
        return self._select([("ORDER BY id DESC LIMIT ?", [most])])

    def _select(self, questions: Sequence[tuple[str, Sequence[Any]]]) -> list[Result]:
        results: list[Result] = []
        damaged: list[int] = []
        with self._reading() as there:
            if there is None:
                return []
            connection, number = there
            for question, values in questions:
                for row in connection.execute(_ask(question, number), values):
                    result = _result(row, number)
                    if result is None:
                        damaged.append(row[0])
                    else:
                        results.append(result)
        self._report("result", damaged)
        return results

    def _report(self, what: str, damaged: Sequence[Any]) -> None:
        if damaged:
            rows = ", ".join(map(str, damaged[:5])) + (", …" if len(damaged) > 5 else "")
            plural = "s" if len(damaged) > 1 else ""
            warn(f"{self.file} is damaged: {what}{plural} {rows} left out, which a new measurement replaces")

    def hits(self, result: Result) -> "Hits | None":
        """Return which photos a result of this store has right; None where that is not known, or damaged."""
        where = " AND ".join(f"results.{name} = ?" for name in KEY)
        with self._reading() as there:
            if there is None or not there[1]:
                return None
            names = ", ".join(f"hits.{name}" for name in (*schema.HITS[1:], "checksum"))
            question = (
                f"SELECT results.checksum, {names} "  # nosec B608
                "FROM results JOIN hits ON hits.result = results.id "
                f"WHERE {where}"
            )
            row = there[0].execute(question, result.key).fetchone()
        if row is None:
            return None
        try:
            return _hits(row, result)
        except (ValueError, TypeError, AttributeError):
            self._report("the bits a photo of", [result.stitch])
            return None

    # ----------------------------------------------------------------------- what is remembered beside

    def progress(self, run: str) -> bytes | None:
        """Return what an unfinished run kept last; None if nothing, or if it is damaged, with a warning."""
        return self._value("progress", schema.PROGRESS, (run,))

    def put_progress(self, run: str, state: bytes) -> None:
        """Keep how far a run is, in place of what was kept of it before."""
        self._put_value("progress", (run, state))

    @property
    def fingerprints(self) -> "Fingerprints":
        """The contents of files by path, size and time, so that a look-up reads no photo."""
        return Fingerprints(self)

    def _value(self, table: str, names: Sequence[str], key: tuple[str | int, ...]) -> bytes | None:
        """Return the last of a row's named columns, the others being its key."""
        with self._reading() as there:
            if there is None or table not in schema.tables(there[0]):
                return None
            where = " AND ".join(f"{name} = ?" for name in names[:-1])
            more = ", checksum" if there[1] else ""
            question = f"SELECT {names[-1]}{more} FROM {table} WHERE {where}"  # nosec B608
            row = there[0].execute(question, key).fetchone()
        if row is None:
            return None
        if len(row) > 1 and row[1] != checksum((*key, row[0])):
            self._report(f"what it remembers in {table},", [key[0]])
            return None
        return row[0] if isinstance(row[0], bytes) else None

    def _put_value(self, table: str, values: tuple[str | int | bytes, ...]) -> None:
        with self._writing() as connection:
            places = ", ".join("?" * (len(values) + 1))
            connection.execute(
                f"INSERT OR REPLACE INTO {table} VALUES ({places})", (*values, checksum(values))
            )


def _is_sound(connection: sqlite3.Connection) -> bool:
    answer: tuple[bytes] = connection.execute("PRAGMA quick_check(1)").fetchone()
    return answer == (b"ok",)


def _ask(question: str, number: int) -> str:
    names = COLUMNS if number else FIRST_COLUMNS
    # an older file's results have no id, and no checksum
    columns = f"{', '.join(names)}{', checksum' if number else ''}"
    return f"SELECT rowid AS id, {columns} FROM results {question}"  # nosec B608


def _result(row: Sequence[Any], number: int) -> Result | None:
    """Return the result of a row; None if it is damaged."""
    if number:
        if row[-1] != checksum(row[1:-1]):
            return None
        texts = [value.decode() if isinstance(value, bytes) else value for value in row[1:-1]]
        return from_row(dict(zip(COLUMNS, texts, strict=True)))
    texts, digest = schema.sound_result([*row[1:], IMAGENET_1K, TORCH, None])
    return from_row(dict(zip(COLUMNS, texts, strict=True))) if digest else None


def _hits(row: Sequence[Any], result: Result) -> "Hits":
    """Return the bits of a row; ValueError, or what a reader raises, if it is damaged."""
    from snnet.evaluation.hits import Hits, from_bytes

    digest, *values, theirs = row
    if digest != checksum(to_row(result).values()) or theirs != checksum((digest, *values)):
        raise ValueError("the checksum differs")
    order, photos, *packed = values
    hits = Hits(order.decode(), *(from_bytes(bits, photos) for bits in packed))
    if hits.counts() != (result.total, result.top1, result.top5):
        raise ValueError("the bits are not those of the counts")
    return hits


_FAILURE = b"failure"


class Fingerprints:
    """Remembers the hash of a file's content by (path, bytes, mtime in ns), in the store's file.

    It only saves time: where the store can't be used nothing is remembered from there on, with a warning.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failures: set[str] = set()  # not tried again: a store that is locked keeps each photo waiting

    def get(self, key: tuple[str, int, int]) -> str | None:
        """Return the hash of a file that has not changed since, or None."""
        what = "the remembered fingerprints of photos are"
        value = self._try(
            lambda: self._store._value("fingerprints", schema.FINGERPRINT, _printable(key)), what
        )
        return value.decode() if value else None

    def __setitem__(self, key: tuple[str, int, int], fingerprint: str) -> None:
        what = "fingerprints of photos to be remembered are"
        self._try(lambda: self._store._put_value("fingerprints", (*_printable(key), fingerprint)), what)

    def _try(self, call: Callable[[], bytes | None], what: str) -> bytes | None:
        value = None if what in self._failures else optional(call, _FAILURE, what)
        if value is _FAILURE:
            self._failures.add(what)
            return None
        return value


def _printable(key: tuple[str, int, int]) -> tuple[str, int, int]:
    """Return the key of a file whose name may be no UTF-8."""
    return key[0].encode("utf-8", "backslashreplace").decode(), key[1], key[2]
