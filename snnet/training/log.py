"""The log of a training run: a CSV table and TensorBoard's events."""

import csv
import io
import time
from pathlib import Path
from typing import Any, TextIO

from snnet import files
from snnet.optional import optional

CSV = "log.csv"
EVENTS = "tensorboard"
_SCALARS = ("loss", "lr", "images_per_s")  # by TensorBoard
_FLUSH_S = 60.0  # of its events, which waits for the disk
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
        file = self._folder / CSV
        rows = optional(lambda: _up_to(self._folder, step), [], f"what {file} had of earlier steps is")
        lines = io.StringIO()
        writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        files.write_text(file, lines.getvalue())
        self._lines = file.open("a", newline="", encoding="utf-8")
        self._events = _Events(self._folder / EVENTS, step)

    def write(self, row: dict[str, Any]) -> None:
        """Add the row of one step."""
        if self._lines:
            self._do(lambda: self._write(row))

    def _write(self, row: dict[str, Any]) -> None:
        assert self._lines
        rounded = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        csv.DictWriter(self._lines, COLUMNS, lineterminator="\n").writerow(rounded)
        self._lines.flush()
        self._events.write(row)

    def close(self) -> None:
        """Finish both files."""
        lines, events = self._lines, self._events
        self._lines = self._events = None
        for file in (lines, events):
            if file:
                optional(file.close, None, f"the end of the log of the run in {self._folder} is")


class _Events:
    """TensorBoard's events, written here: its own writer does that in a thread, which dies on a full disk.

    Training would wait for it forever.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        self._flushed = 0.0
        start = SessionLog(status=SessionLog.START)  # from here on, what an earlier run wrote is void
        self._writer.write_event(Event(wall_time=time.time(), step=step + 1, session_log=start))

    def write(self, row: dict[str, Any]) -> None:
        """Add the row of one step."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import scalar

        now = time.time()
        for name in _SCALARS:
            self._writer.write_event(Event(wall_time=now, step=row["step"], summary=scalar(name, row[name])))
        if now - self._flushed > _FLUSH_S:
            self._writer.flush()
            self._flushed = now

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


def _up_to(folder: Path, step: int) -> list[dict[str, str]]:
    """Return the rows of a log up to a step; a line that was cut short by a kill is none."""
    rows = read(folder) if (folder / CSV).is_file() else []
    return [
        row for row in rows if {*row} == {*COLUMNS} and None not in row.values() and int(row["step"]) <= step
    ]
