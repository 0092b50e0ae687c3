"""The log of a training run: a CSV table and TensorBoard's events."""

import csv
from pathlib import Path
from typing import Any

CSV = "log.csv"
EVENTS = "tensorboard"
COLUMNS = ("step", "epoch", "stitch", "gmacs", "loss", "lr", "gradient_norm", "images_per_s")


def read(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a run's log; FileNotFoundError if it has none."""
    with (folder / CSV).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


class Log:
    """Writes a row a step; rows past `step`, of a run that was killed after its checkpoint, are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        from tensorboardX import SummaryWriter

        rows = [row for row in read(folder) if int(row["step"]) <= step] if (folder / CSV).is_file() else []
        part = folder / f"{CSV}.part"
        with part.open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        part.replace(folder / CSV)
        self._lines = (folder / CSV).open("a", newline="", encoding="utf-8")
        self._csv = csv.DictWriter(self._lines, COLUMNS, lineterminator="\n")
        self._events = SummaryWriter(str(folder / EVENTS), purge_step=step + 1)

    def write(self, row: dict[str, Any]) -> None:
        """Add the row of one step."""
        rounded = {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
        self._csv.writerow(rounded)
        self._lines.flush()
        for name in ("loss", "lr", "images_per_s"):
            self._events.add_scalar(name, row[name], row["step"])

    def close(self) -> None:
        """Finish both files."""
        self._lines.close()
        self._events.close()
