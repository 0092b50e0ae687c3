"""The log of a training run: a CSV table, TensorBoard's events, and a drawing of them."""

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

        kept = [row for row in read(folder) if int(row["step"]) <= step] if (folder / CSV).is_file() else []
        part = folder / f"{CSV}.part"
        with part.open("w", newline="", encoding="utf-8") as lines:
            writer = csv.DictWriter(lines, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
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


def plot(folder: Path, file: Path) -> None:
    """Draw a run's loss and learning rate over its steps into one HTML file that opens from disk."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows = read(folder)
    steps = [int(row["step"]) for row in rows]
    loss = [float(row["loss"]) for row in rows]
    smooth, mean = [], loss[0] if loss else 0.0
    for value in loss:
        mean = 0.98 * mean + 0.02 * value
        smooth.append(mean)
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.05)
    dots = {"mode": "markers", "marker": {"size": 4, "opacity": 0.3}, "text": [row["stitch"] for row in rows]}
    figure.add_trace(go.Scatter(x=steps, y=loss, name="a step's, by stitch", **dots), row=1, col=1)
    figure.add_trace(go.Scatter(x=steps, y=smooth, name="running mean", mode="lines"), row=1, col=1)
    rates = [float(row["lr"]) for row in rows]
    figure.add_trace(go.Scatter(x=steps, y=rates, name="learning rate", mode="lines"), row=2, col=1)
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_yaxes(title_text="learning rate", row=2, col=1)
    figure.update_xaxes(title_text="step", row=2, col=1)
    figure.update_layout(title=f"Training of {folder.resolve().name}", template="plotly_white")
    figure.write_html(file, include_plotlyjs=True)
