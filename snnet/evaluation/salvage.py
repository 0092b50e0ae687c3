"""What can be read of a damaged store, in a new one: every row that its checksum vouches for, wherever it is.

A damaged file's own tables can't be trusted to lead to its rows. So every page of it is looked at for rows,
as SQLite's file format lays them out (sqlite.org/fileformat2.html); no other process may write meanwhile.
"""

import mmap
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from snnet import files
from snnet.evaluation import schema
from snnet.evaluation.checksums import checksum
from snnet.evaluation.remedies import ELSEWHERE, StoreError, is_busy, store_error, unwritable
from snnet.evaluation.results import COLUMNS, FIRST_COLUMNS, IMAGENET_1K, KEY, TORCH, from_row, to_row

_MAGIC = b"SQLite format 3\0"
_LEAF = 0x0D  # the first byte of a page that holds a table's rows
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes by serial type
_MOST_COLUMNS = 64

Value = int | float | str | bytes | None


@dataclass
class Salvage:
    """How many rows of which table are in the new file, and where the damaged file lies."""

    file: Path
    aside: Path
    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("results", "hits", "progress"), 0))

    def describe(self) -> str:
        """Return it as a sentence for people."""
        results, hits, runs = self.rows["results"], self.rows["hits"], self.rows["progress"]
        return (
            f"the results in {self.file} were damaged: {results:,} of them were salvaged, {hits:,} with "
            f"their bits a photo, and {runs:,} unfinished evaluations; the damaged file is now {self.aside}"
        )


def salvage(file: Path, waiting_s: float) -> Salvage:
    """Put a new store with all that can be read of a damaged one in its place; that is kept beside it.

    Raises StoreError where another process has it locked for so long, or where it can't be written.
    """
    try:
        with file.open("rb") as damaged, closing(_hold(file, waiting_s)):
            done = Salvage(file, _free_name(file))
            with files.whole(file, needed=file.stat().st_size, elsewhere=ELSEWHERE) as part:
                _fill(part, damaged.fileno(), done)
                _put_aside(file, done.aside)
    except OSError as error:
        cause = files.os_error(error)
        if isinstance(error, StoreError) or cause is None:
            raise
        raise unwritable(file, cause, file.stat().st_size) from error
    return done


def _hold(file: Path, waiting_s: float) -> sqlite3.Connection:
    """Lock a file, if SQLite can still read so much of it; what was being written when it broke is undone."""
    connection = sqlite3.connect(file, timeout=waiting_s, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if is_busy(error):
            connection.close()
            raise store_error(file, error, waiting_s) from error
    return connection


def _free_name(file: Path) -> Path:
    number = 1
    while os.path.lexists(place := file.with_name(f"{file.stem}.damaged-{number}{file.suffix}")):
        number += 1
    return place


def _put_aside(file: Path, aside: Path) -> None:
    """Give the damaged file its second name, which remains; its journal would be taken for the new one's."""
    try:
        os.link(file, aside)
    except OSError:  # a file system without links
        shutil.copyfile(file, aside)
    with suppress(FileNotFoundError):
        os.replace(f"{file}-journal", f"{aside}-journal")


def _fill(part: Path, handle: int, done: Salvage) -> None:
    """Write the rows of an open file into new tables."""
    part.unlink()  # SQLite makes it anew
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        schema.migrate(connection)
        connection.execute("CREATE TEMP TABLE before (id INTEGER PRIMARY KEY, digest BLOB)")
        if size := os.fstat(handle).st_size:
            with mmap.mmap(handle, size, access=mmap.ACCESS_READ) as data:
                for number, values in carve(data):
                    _put(connection, number, values, done)
                for number, values in carve(data):  # a result's bits come after the result
                    _put_hits(connection, number, values, done)
        connection.execute("COMMIT")


def _put(connection: sqlite3.Connection, number: int, values: Sequence[Value], done: Salvage) -> None:
    """Write a row that is a result, a run's progress or a fingerprint, if its checksum says so."""
    if row := _result(values):
        key = [row[COLUMNS.index(name)] for name in KEY]
        where = " AND ".join(f"{name} = ?" for name in KEY)
        ids = [old for (old,) in connection.execute(f"SELECT id FROM results WHERE {where}", key)]  # nosec B608
        if any(old >= number for old in ids):  # a row that was replaced may lie about still
            return
        connection.executemany("DELETE FROM results WHERE id = ?", [(old,) for old in ids])
        is_taken = connection.execute("SELECT 1 FROM results WHERE id = ?", (number,)).fetchone()
        holders = ", ".join("?" * (len(row) + 2))
        connection.execute(
            f"INSERT INTO results (id, {', '.join(COLUMNS)}, checksum) VALUES ({holders})",  # nosec B608
            (None if is_taken else number, *row, checksum(row)),
        )
        done.rows["results"] += 1 - len(ids)
        if not is_taken and values[0] is None:
            connection.execute("INSERT OR REPLACE INTO before VALUES (?, ?)", (number, values[-1]))
    for table, columns in (("progress", schema.PROGRESS), ("fingerprints", schema.FINGERPRINT)):
        if len(values) == len(columns) + 1 and checksum(values[:-1]) == values[-1]:
            holders = ", ".join("?" * len(values))
            # the one that came last is the one that holds
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({holders})", values)  # nosec B608
            done.rows[table] = done.rows.get(table, 0) + 1


def _result(values: Sequence[Value]) -> list[Value] | None:
    """Return a result's values as COLUMNS name them; None of another row, or a damaged one."""
    if len(values) == len(FIRST_COLUMNS):  # of the first version, which had no checksums
        row, digest = schema.sound_result([*values, IMAGENET_1K, TORCH, None])
        return list(row) if digest else None  # type: ignore[arg-type]
    names = COLUMNS[: len(values) - 2]
    if values[0] is not None or not len(FIRST_COLUMNS) < len(names) == len(values) - 2:
        return None
    pairs = zip(names, values[1:-1], strict=True)
    floats = [float(v) if name in schema.REALS and v is not None else v for name, v in pairs]
    if checksum(floats) != values[-1]:
        return None
    try:
        return list(to_row(from_row(dict(zip(names, floats, strict=True)))).values())
    except (ValueError, TypeError):
        return None


def _put_hits(connection: sqlite3.Connection, number: int, values: Sequence[Value], done: Salvage) -> None:
    """Write a row that is the bits of a result that was salvaged, if its checksum says so."""
    if len(values) != len(schema.HITS) + 1 or values[0] is not None:
        return
    digests = "SELECT digest, checksum FROM results JOIN before USING (id) WHERE id = ?"
    for before, now in connection.execute(digests, (number,)).fetchall():
        if checksum((before, *values[1:-1])) == values[-1]:
            row = (number, *values[1:-1], checksum((now, *values[1:-1])))
            connection.execute("INSERT OR REPLACE INTO hits VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            done.rows["hits"] += 1


# -------------------------------------------------------------------------------------------- SQLite's format


def carve(data: mmap.mmap | bytes) -> Iterator[tuple[int, list[Value]]]:
    """Yield number and values of every row on a page that holds rows, those of no table any more included.

    What makes no sense is left out; what is yielded needs a checksum to be believed.
    """
    size = 4096  # SQLite's own, where the file doesn't say
    if data[:16] == _MAGIC:
        size = int.from_bytes(data[16:18], "big")
        size = 65536 if size == 1 else size
    if size < 512 or size & (size - 1):
        size = 4096
    for page in range(0, len(data) - size + 1, size):
        head = page + (100 if page == 0 else 0)
        if data[head] != _LEAF:
            continue
        (count,) = struct.unpack_from(">H", data, head + 3)
        for place in range(head + 8, min(head + 8 + 2 * count, page + size - 1), 2):
            (offset,) = struct.unpack_from(">H", data, place)
            with suppress(ValueError, IndexError, struct.error, UnicodeDecodeError):
                yield _cell(data, page, offset, size)


def _cell(data: mmap.mmap | bytes, page: int, offset: int, size: int) -> tuple[int, list[Value]]:
    """Return the row that begins so many bytes into a page."""
    length, place = _varint(data, page + offset)
    number, place = _varint(data, place)
    most, least = size - 35, (size - 12) * 32 // 255 - 23
    here = length
    if length > most:  # the rest lies on pages of its own
        here = least + (length - least) % (size - 4)
        here = least if here > most else here
    if place + here > page + size or length > len(data):
        raise ValueError("it leaves its page")
    payload = bytearray(data[place : place + here])
    follow = place + here
    while len(payload) < length:
        (following,) = struct.unpack_from(">I", data, follow)
        follow = (following - 1) * size
        if following < 2:
            raise ValueError("its rest is missing")
        payload += data[follow + 4 : follow + min(size, 4 + length - len(payload))]
    return number, _values(bytes(payload))


def _values(payload: bytes) -> list[Value]:
    """Return the values of a record."""
    end, place = _varint(payload, 0)
    kinds = []
    while place < end:
        kind, place = _varint(payload, place)
        kinds.append(kind)
    if len(kinds) > _MOST_COLUMNS:
        raise ValueError("too many columns")
    values: list[Value] = []
    for kind in kinds:
        length = _INTEGERS.get(kind, 8 if kind == 7 else max(0, kind - 12) // 2)
        piece = payload[place : place + length]
        place += length
        if len(piece) < length:
            raise ValueError("it is cut off")
        if kind in _INTEGERS:
            values.append(int.from_bytes(piece, "big", signed=True))
        elif kind == 7:
            values.append(struct.unpack(">d", piece)[0])
        elif kind >= 12:
            values.append(piece.decode() if kind % 2 else piece)
        else:
            values.append({0: None, 8: 0, 9: 1}[kind])
    return values


def _varint(data: mmap.mmap | bytes, place: int) -> tuple[int, int]:
    """Return a number of one to nine bytes, and where the next thing begins."""
    value = 0
    for byte in range(8):
        piece = data[place + byte]
        value = value << 7 | piece & 0x7F
        if piece < 0x80:
            return value, place + byte + 1
    value = value << 8 | data[place + 8]
    return value - (1 << 64 if value >> 63 else 0), place + 9
