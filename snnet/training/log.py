"""The log of a training run: a CSV table and TensorBoard's events."""

import csv
from pathlib import Path
from typing import Any, TextIO

from snnet.optional import optional

CSV = "log.csv"
EVENTS = "tensorboard"
COLUMNS = ("step", "epoch", "stitch", "gmacs", "loss", "lr", "gradient_norm", "images_per_s")


def read(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a run's log; FileNotFoundError if it has none."""
    with (folder / CSV).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


class Log:
    """Writes a row a step; rows past `step`, of a run that was killed after its checkpoint, are dropped.

    Training needs none: where it can't be written the run goes on without, with a warning.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        self._lines: TextIO | None = None
        self._events: Any = None
        self._do(lambda: self._open(step))

    def _do(self, write: Any) -> None:
        """Write, and never again once that has failed."""
        failure = object()
        if optional(write, failure, f"the log of the run in {self._folder} is, from here on,") is failure:
            self.close()

    def _open(self, step: int) -> None:
        from tensorboardX import SummaryWriter

        file, part = self._folder / CSV, self._folder / f"{CSV}.part"
        rows = optional(lambda: _up_to(self._folder, step), [], f"what {file} had of earlier steps is")
        with part.open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        part.replace(file)
        self._lines = file.open("a", newline="", encoding="utf-8")
        self._events = SummaryWriter(str(self._folder / EVENTS), purge_step=step + 1)

    def write(self, row: dict[str, Any]) -> None:
        """Add the row of one step."""
        if self._lines:
            self._do(lambda: self._write(row))

    def _write(self, row: dict[str, Any]) -> None:
        assert self._lines
        rounded = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        csv.DictWriter(self._lines, COLUMNS, lineterminator="\n").writerow(rounded)
        self._lines.flush()
        for name in ("loss", "lr", "images_per_s"):
            self._events.add_scalar(name, row[name], row["step"])

    def close(self) -> None:
        """Finish both files."""
        lines, events = self._lines, self._events
        self._lines = self._events = None
        for file in (lines, events):
            if file:
                optional(file.close, None, f"the end of the log of the run in {self._folder} is")


def _up_to(folder: Path, step: int) -> list[dict[str, str]]:
    """Return the rows of a log up to a step; a line that was cut short by a kill is none."""
    rows = read(folder) if (folder / CSV).is_file() else []
    return [
        row for row in rows if {*row} == {*COLUMNS} and None not in row.values() and int(row["step"]) <= step
    ]
