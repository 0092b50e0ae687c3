"""A result: right answers of one stitch on one set of photos, keyed by what produced it.

It belongs to the tensors on a stitch's route, the photos, the transform, the precision, the classes that were
to be told apart and the engine that ran: change any and it is another result, never a stale one. Those that
ship are a small table in `assets/results`.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet import files
from snnet.optional import optional
from snnet.paths import ASSETS

if TYPE_CHECKING:
    from snnet.evaluation.hits import Hits

SHIPPED = ASSETS / "results"
IMAGENET_1K = "385e0240499426c022b773be1ae4da78"  # `digest` of its 1,000 synsets, in timm's order
TORCH = "torch"  # the engine that runs networks here
_SILENT = re.compile(r", ([\d,]+) of [\d,]+ gave no finite answer$")
_MOST_BYTES = 1 << 27  # of a table: 5,000 results of a thousand classes


@dataclass(frozen=True)
class Result:
    """Right answers of one stitch on one set of photos.

    `per_class` maps a class to (photos, right at first, right within five). `photos_about`, `measured_on`
    (ISO date), `network` and `stitch` are for people. `classes` is the `digest` of the classes that an answer
    is one of, `engine` what ran the network, `latency_ms` its time a photo where that was measured. `hits`
    tells of each photo whether the answer was right; a store gives it only where it is asked for.
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
    classes: str = IMAGENET_1K
    engine: str = TORCH
    latency_ms: float | None = None
    hits: "Hits | None" = field(default=None, compare=False, repr=False)

    @property
    def silent(self) -> int:
        """How many photos got no finite answer, which count as wrong; said at the end of `photos_about`."""
        words = _SILENT.search(self.photos_about)
        return int(words[1].replace(",", "")) if words else 0

    @property
    def set_about(self) -> str:
        """How people read of the photos, whatever the stitch said of them."""
        return _SILENT.sub("", self.photos_about)

    @property
    def key(self) -> tuple[str, ...]:
        """What produced the result, as `KEY` names it."""
        return tuple(getattr(self, name) for name in KEY)


KEY = ("route", "transform", "photos", "precision", "classes", "engine")
COLUMNS = tuple(f.name for f in fields(Result) if f.name != "hits")
FIRST_COLUMNS = COLUMNS[: COLUMNS.index("classes")]  # of tables and stores of before there were others


def answered(photos: str, silent: int, total: int) -> str:
    """Return how people read of photos that a stitch was asked about, some without a finite answer."""
    return f"{photos}, {silent:,} of {total:,} gave no finite answer" if silent else photos


def digest(classes: Sequence[str]) -> str:
    """Return what tells one list of classes, by synset and in order of index, from another."""
    return hashlib.sha256("\n".join(classes).encode()).hexdigest()[:32]


def to_row(result: Result) -> dict[str, Any]:
    """Return a result as a table has it: by column, its classes as JSON."""
    row = {name: getattr(result, name) for name in COLUMNS}
    per_class = {str(c): list(v) for c, v in sorted(result.per_class.items())}
    latency = None if result.latency_ms is None else float(result.latency_ms)
    return row | {"per_class": json.dumps(per_class, separators=(",", ":")), "latency_ms": latency}


def from_row(row: Mapping[str, Any]) -> Result:
    """Return the result of a row that `to_row` made; ValueError, or a reader's, for what is none."""
    values = dict(row)
    for name in ("total", "top1", "top5"):
        values[name] = int(values[name])
    per_class = json.loads(values["per_class"])
    values["per_class"] = {int(c): (int(n), int(one), int(five)) for c, (n, one, five) in per_class.items()}
    values["latency_ms"] = float(values["latency_ms"]) if values.get("latency_ms") else None
    return Result(**values)


def from_foreign_row(row: Mapping[str, Any]) -> Result:
    """Return the result of a row that no checksum vouches for; ValueError unless its counts add up."""
    try:
        result = from_row(row)
    except Exception as error:  # JSON, numbers and columns fail in many ways
        raise ValueError(f"it is no result ({type(error).__name__})") from error
    counts = list(result.per_class.values())
    sums = tuple(sum(count[place] for count in counts) for place in range(3))
    if sums != (result.total, result.top1, result.top5) or result.total < 1:
        raise ValueError("its classes don't add up to its counts")
    if not all(0 <= one <= five <= photos for photos, one, five in counts):
        raise ValueError("it has more right answers than photos")
    if not all(isinstance(getattr(result, name), str) for name in (*KEY, "photos_about", "measured_on")):
        raise ValueError("a column is missing")
    return result


@cache
def shipped() -> tuple[Result, ...]:
    """Return the results that ship with the project; a damaged table is left out, with a warning."""
    files = optional(lambda: sorted(SHIPPED.glob("*.csv")), (), "the results that ship are")
    tables = [optional(partial(read_table, file), (), f"the results of {file.name} are") for file in files]
    return tuple(result for table in tables for result in table)


def read_table(file: Path) -> list[Result]:
    """Return the results of a table that `write_table` wrote; ValueError names the file and the line."""
    if (size := file.stat().st_size) > _MOST_BYTES:
        raise ValueError(f"{file} has {size:,} bytes, where a table of results has {_MOST_BYTES:,} at most")
    results, line = [], 1
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            for row in reader:
                line = reader.line_num
                results.append(from_foreign_row(row))
    except (ValueError, csv.Error) as error:  # also what is no UTF-8
        raise ValueError(f"{file} is damaged at line {line}: {error}") from error
    return results


def write_table(results: Sequence[Result], file: Path) -> None:
    """Write results as a CSV table, for shipping; WriteError where it can't be written."""
    files.write_text(file, table(results))


def table(results: Sequence[Result]) -> str:
    """Return results as a CSV table; as earlier versions read it, where it says no more."""
    more = any((r.classes, r.engine, r.latency_ms) != (IMAGENET_1K, TORCH, None) for r in results)
    lines = io.StringIO()
    columns = COLUMNS if more else FIRST_COLUMNS
    writer = csv.DictWriter(lines, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(to_row(result) for result in results)
    return lines.getvalue()
