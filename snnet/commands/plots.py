"""Drawings for people, each one HTML file that opens from disk and asks nothing of other hosts."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet import files

if TYPE_CHECKING:
    from snnet.catalogue.figures import Figures

_MARKS = {"published": "diamond", "measured": "circle", "estimated": "circle-open", "partial": "square-open"}


def frontier(net: "Figures", file: Path) -> None:
    """Draw every stitch: top-1 with its interval over GMACs, by where it is from, and the front.

    Stitches that nothing has measured stand below, on the axis of GMACs.
    """
    import plotly.graph_objects as go

    from snnet.evaluation import accuracy

    rows = sorted(accuracy.table(net), key=lambda row: row["gmacs"])
    front = [row for row in rows if row["on_front"]]
    x, y = ([row[column] for row in front] for column in ("gmacs", "top1"))
    line = {"mode": "lines", "line": {"shape": "hv"}, "hoverinfo": "skip"}
    figure = go.Figure(go.Scatter(x=x, y=y, name="front", **line))

    def add(stitches: list[dict[str, Any]], y: list[float], name: str, y_text: str, **more: Any) -> None:
        figure.add_scatter(
            x=[row["gmacs"] for row in stitches],
            y=y,
            mode="markers",
            name=name,
            text=[row["name"] for row in stitches],
            customdata=[net.printed(net.stitch(row["name"]))[0] for row in stitches],
            hovertemplate=f"%{{text}}<br>%{{customdata}} GMACs, {y_text}<extra></extra>",
            **more,
        )

    for source, symbol in _MARKS.items():
        if some := [row for row in rows if row["source"] == source]:
            bars = {
                "array": [row["interval"][1] - row["top1"] for row in some],
                "arrayminus": [row["top1"] - row["interval"][0] for row in some],
                "thickness": 1,
                "width": 2,
            }
            top1 = [row["top1"] for row in some]
            add(
                some,
                top1,
                some[0]["origin"],
                "%{y:.2f} %",
                error_y=bars,
                marker={"symbol": symbol, "size": 8},
            )
    if unmeasured := [row for row in rows if row["source"] is None]:
        low = min((row["interval"][0] for row in rows if row["source"]), default=0.0) - 1
        ticks = {"symbol": "line-ns-open", "size": 10}
        add(unmeasured, [low] * len(unmeasured), "not measured yet", "not measured yet", marker=ticks)
    figure.update_xaxes(type="log", title_text="GMACs an image")
    parts = {f" on {row['classes']} of 1,000 classes" for row in rows if row["source"] == "partial"}
    figure.update_yaxes(title_text=f"top-1{''.join(parts)}, % (bars: 95 % intervals)")
    _write(figure, f"{net.title}: {net.ways} networks in one", file)


def training(folder: Path, file: Path) -> None:
    """Draw a run's loss and learning rate over its steps."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    from snnet.training import log

    rows = log.read(folder)
    steps = [int(row["step"]) for row in rows]
    loss = [float(row["loss"]) for row in rows]
    smooth, mean = [], loss[0] if loss else 0.0
    for value in loss:
        mean = 0.98 * mean + 0.02 * value
        smooth.append(mean)
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.05)
    dots: dict[str, Any] = {"mode": "markers", "marker": {"size": 4, "opacity": 0.3}}
    dots["text"] = [row["stitch"] for row in rows]
    figure.add_trace(go.Scatter(x=steps, y=loss, name="one step, by stitch", **dots), row=1, col=1)
    figure.add_trace(go.Scatter(x=steps, y=smooth, name="running mean", mode="lines"), row=1, col=1)
    rates = [float(row["lr"]) for row in rows]
    figure.add_trace(go.Scatter(x=steps, y=rates, name="learning rate", mode="lines"), row=2, col=1)
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_yaxes(title_text="learning rate", row=2, col=1)
    figure.update_xaxes(title_text="step", row=2, col=1)
    _write(figure, f"Training of {folder.resolve().name}", file)


def _write(figure: Any, title: str, file: Path) -> None:
    figure.update_layout(title=title, template="plotly_white")
    files.write_text(file, figure.to_html(include_plotlyjs=True))
