"""The frontier chart: the zoo, the published curves, and a network's stitches over them.

Traces are plain data for plotly.js. Colours that must follow the page's theme are given by name in
`meta.tone` and filled in by the browser.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from snnet import curves, frontier, zoo

if TYPE_CHECKING:
    from snnet.network import StitchedNetwork

# Okabe and Ito's colours, told apart by colour-blind eyes; grey for the rest.
FAMILY_COLOURS = {
    "ResNet": "#0072B2",
    "ViT": "#D55E00",
    "EfficientNet": "#009E73",
    "MobileNet": "#CC79A7",
    "ConvNeXt": "#56B4E9",
    "RegNet": "#8C6D1F",
    "Swin": "#E69F00",
    "LeViT": "#7A5195",
    "other": "#9AA0AC",
}
CURVE_COLOURS = {
    "deit": "#D55E00",
    "swin": "#0072B2",
    "levit": "#009E73",
    "resnet18_resnet50": "#CC79A7",
    "resnet18_swin_ti": "#56B4E9",
    "deit3_s_l": "#B8860B",
}


@cache
def zoo_figure(title: str) -> dict[str, Any]:
    """Return {"traces", "zoo"}: the zoo by family and the published curves, without any network."""
    models = zoo.models()
    traces = []
    for family in zoo.families():
        members = [model for model in models if model.family == family]
        traces.append(
            {
                "name": family,
                "x": [model.gmacs for model in members],
                "y": [model.top1 for model in members],
                "text": [
                    f"<b>{m.name}</b><br>{m.top1:.2f} % top-1, published by timm<br>"
                    f"{m.gmacs:.2f} GMACs at {m.image_size} px, {m.params_m:.1f} M parameters"
                    for m in members
                ],
                "mode": "markers",
                "marker": {"size": 5, "opacity": 0.55},
                "hovertemplate": "%{text}<extra></extra>",
                "meta": {
                    "kind": "zoo",
                    "tone": "zoo",
                    "colour": FAMILY_COLOURS.get(family, FAMILY_COLOURS["other"]),
                },
            }
        )
    traces += [trace for key, curve in curves.curves().items() for trace in _curve(key, curve)]
    return {"title": title, "traces": traces}


def _curve(key: str, curve: curves.Curve) -> list[dict[str, Any]]:
    """Return a published network: its front as a line with its name at the end, all its stitches as dots."""
    colour = CURVE_COLOURS[key]
    best = frontier.front([s.gmacs for s in curve.stitches], [s.top1 for s in curve.stitches])
    front = [curve.stitches[number] for number in best]
    line = {
        "name": curve.title,
        "x": [stitch.gmacs for stitch in front],
        "y": [stitch.top1 for stitch in front],
        "mode": "lines",
        "line": {"width": 1.4, "color": colour, "shape": "hv"},
        "hoverinfo": "skip",
        "meta": {"kind": "curve", "label": curve.title},
    }
    dots = {
        "name": curve.title,
        "x": [stitch.gmacs for stitch in curve.stitches],
        "y": [stitch.top1 for stitch in curve.stitches],
        "text": [
            f"<b>SN-Net {curve.title}, "
            + ("joint-trained anchor" if stitch.is_anchor else f"stitch {stitch.index}")
            + f"</b><br>{stitch.top1:.2f} % top-1, published<br>{stitch.gmacs:.2f} GMACs"
            + (f", {stitch.params_m:.1f} M parameters" if stitch.params_m else "")
            + f"<br>{curve.source}"
            for stitch in curve.stitches
        ],
        "mode": "markers",
        "marker": {
            "size": [8 if stitch.is_anchor else 4 for stitch in curve.stitches],
            "symbol": ["square" if stitch.is_anchor else "circle" for stitch in curve.stitches],
            "color": colour,
            "line": {"width": 0},
        },
        "hovertemplate": "%{text}<extra></extra>",
        "meta": {"kind": "curve"},
    }
    return [line, dots]


def network_layer(net: "StitchedNetwork") -> dict[str, Any]:
    """Return the network's part of the chart, and the figures and sentences beside it."""
    from snnet import accuracy

    rows = accuracy.table(net)
    for row, stitch in zip(rows, net.stitches, strict=True):
        known = net.accuracy(stitch)
        row["words"] = stitch.describe(net.anchor_names)
        row["is_anchor"] = stitch.is_anchor
        row["note"] = known.note if known else "not measured yet"
    costs, values = [row["gmacs"] for row in rows], [row["top1"] for row in rows]
    models = zoo.models()
    beaten = frontier.beats(costs, values, [m.gmacs for m in models], [m.top1 for m in models])
    return {
        "name": net.name,
        "title": net.title,
        "stitches": rows,
        "traces": _traces(rows),
        "beats": {
            "beaten": beaten.beaten,
            "total": beaten.total,
            "low": beaten.low,
            "high": beaten.high,
            "definition": f"{frontier.BEATS_DEFINITION} Estimates count as they stand.",
        },
        "ownership": ownership(net),
        "line": accuracy.line(net),
        "view": _view(rows),
    }


def ownership(net: "StitchedNetwork") -> dict[str, str]:
    """Return what one file holds against its networks kept apart, for this network and the published DeiT."""
    size_mb = 4 * net.total_params_m  # float32
    deit = curves.curves()["deit"]
    assert deit.apart_params_m is not None

    def said(ways: int, together: float, apart: float, size: str = "") -> str:
        return (
            f"{ways} networks in {together:.1f} M parameters{size}; apart they would take {apart:,.0f} M, "
            f"{apart / together:.0f} times as much."
        )

    published = said(len(deit.stitches), deit.joint_params_m, deit.apart_params_m)
    return {
        "network": said(net.ways, net.total_params_m, net.apart_params_m, f" ({size_mb:.0f} MB)"),
        "published": f"The published {deit.title} network: {published}",
    }


def _traces(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    front = sorted((row for row in rows if row["on_front"]), key=lambda row: row["gmacs"])
    traces: list[dict[str, Any]] = [
        {
            "name": "Pareto front",
            "x": [row["gmacs"] for row in front],
            "y": [row["top1"] for row in front],
            "mode": "lines",
            "line": {"width": 2.5, "shape": "hv"},
            "hoverinfo": "skip",
            "meta": {"kind": "front", "tone": "accent"},
        }
    ]
    # hollow and barred where estimated, filled diamonds where published, filled circles where measured
    looks = {"estimated": "circle-open", "published": "diamond", "measured": "circle"}
    for source, symbol in looks.items():
        for on_front in (False, True):
            members = [row for row in rows if (row["source"], row["on_front"]) == (source, on_front)]
            if not members:
                continue
            traces.append(
                {
                    "name": source,
                    "x": [row["gmacs"] for row in members],
                    "y": [row["top1"] for row in members],
                    "error_y": {
                        "type": "data",
                        "symmetric": False,
                        "array": [row["interval"][1] - row["top1"] for row in members],
                        "arrayminus": [row["top1"] - row["interval"][0] for row in members],
                        "thickness": 1.2 if on_front else 0.7,
                        "width": 3 if on_front else 0,
                    },
                    "customdata": [row["name"] for row in members],
                    "text": [_hover(row) for row in members],
                    "mode": "markers",
                    "marker": {
                        "size": 11 if source == "published" else 8,
                        "symbol": symbol,
                        "line": {"width": 1.6},
                    },
                    "opacity": 1 if on_front or source == "published" else 0.45,
                    "hovertemplate": "%{text}<extra></extra>",
                    "meta": {"kind": "stitch", "tone": "accent"},
                }
            )
    return traces


def _hover(row: dict[str, Any]) -> str:
    low, high = row["interval"]
    note = "<br>".join(_wrapped(row["note"], 64))
    return (
        f"<b>{row['name']}</b><br>{row['words']}<br>"
        f"{row['gmacs']:.3f} GMACs, {row['params_m']:.2f} M parameters<br>"
        f"<b>{row['top1']:.1f} %</b> top-1 [{low:.1f}, {high:.1f}], {row['source']}<br>{note}"
    )


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


def _view(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the ranges that show the network among its neighbours: half to tenfold its GMACs."""
    gmacs = [row["gmacs"] for row in rows]
    top1 = [row["top1"] for row in rows if row["top1"] is not None]
    low, high = (min(top1), max(top1)) if top1 else (65.0, 80.0)
    return {"x": [0.5 * min(gmacs), 10 * max(gmacs)], "y": [low - 5, min(91.0, high + 9)]}
