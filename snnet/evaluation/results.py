"""A result: right answers of one stitch on one set of photos, keyed by what produced it.

It belongs to the tensors on a stitch's route, the photos, the transform and the precision: change any and it
is another result, never a stale one. Those that ship are a small table in `assets/results`.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

from snnet.paths import ASSETS

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


COLUMNS = tuple(f.name for f in fields(Result))


def to_row(result: Result) -> dict[str, object]:
    """Return a result as a table has it: by column, its classes as JSON."""
    compact = json.dumps(
        {str(c): list(v) for c, v in sorted(result.per_class.items())}, separators=(",", ":")
    )
    return asdict(result) | {"per_class": compact}


def from_row(row: Mapping[str, object]) -> Result:
    """Return the result of a row that `to_row` made."""
    values: dict = dict(row)
    for name in ("total", "top1", "top5"):
        values[name] = int(values[name])
    values["per_class"] = {int(c): tuple(v) for c, v in json.loads(values["per_class"]).items()}
    return Result(**values)


@cache
def shipped() -> tuple[Result, ...]:
    """Return the results that ship with the project."""
    return tuple(result for file in sorted(SHIPPED.glob("*.csv")) for result in read_table(file))


def read_table(file: Path) -> list[Result]:
    """Return the results of a table that `write_table` wrote."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [from_row(row) for row in csv.DictReader(lines)]


def write_table(results: Sequence[Result], file: Path) -> None:
    """Write results as a CSV table, for shipping."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(to_row(result) for result in results)
