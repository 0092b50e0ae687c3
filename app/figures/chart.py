"""The frontier chart: the zoo, the published curves, and a network's stitches over them.

Traces are plain data for plotly.js. Colours that must follow the page's theme are given by name in
`meta.tone` and filled in by the browser.
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from snnet import frontier
from snnet.tables import published_results, zoo

from . import savings, zoo_table

if TYPE_CHECKING:
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.stitches.stitch import Stitch

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
RUG_HEIGHT = 0.035  # of the chart's height: where the ticks of unmeasured stitches stand


@cache
def zoo_figure(title: str) -> dict[str, Any]:
    """Return {"title", "traces", "zoo"}: the zoo by family and the published curves, without any network.

    "zoo" is `zoo_table.table`, to whose rows the traces' customdata points, with families' colours and the
    rug's height.
    """
    models = zoo.models()
    traces = []
    for family in zoo.families():
        rows = [row for row, model in enumerate(models) if model.family == family]
        members = [models[row] for row in rows]
        traces.append(
            {
                "name": family,
                "x": [model.gmacs for model in members],
                "y": [model.top1 for model in members],
                "customdata": rows,
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
                    "colour": _colour(family),
                },
            }
        )
    traces += [trace for key, curve in published_results.curves().items() for trace in _curve(key, curve)]
    colours = [_colour(family) for family in zoo.families()]
    return {
        "title": title,
        "traces": traces,
        "zoo": zoo_table.table() | {"colours": colours, "rug": RUG_HEIGHT},
    }


def _colour(family: str) -> str:
    return FAMILY_COLOURS.get(family, FAMILY_COLOURS["other"])


def _curve(key: str, curve: published_results.Family) -> list[dict[str, Any]]:
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
        "meta": {"kind": "curve", "key": key, "label": curve.title},
    }
    dots = {
        "name": curve.title,
        "x": [stitch.gmacs for stitch in curve.stitches],
        "y": [stitch.top1 for stitch in curve.stitches],
        "customdata": [stitch.params_m for stitch in curve.stitches],  # None where the authors give none
        "text": [
            f"<b>SN-Net {curve.title}, "
            + ("joint-trained anchor" if stitch.is_anchor else f"stitch {stitch.index}")
            + f"</b><br>{stitch.top1:.2f} % top-1, published<br>{stitch.gmacs:.2f} GMACs"
            + (f", {stitch.params_m:.1f} M parameters" if stitch.params_m else "")
            + f"<br>{curve.paper}"
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
        "meta": {"kind": "curve", "key": key},
    }
    return [line, dots]


def network_layer(
    net: "StitchedNetwork", originals: Mapping[str, str] | None = None, measure: str = ""
) -> dict[str, Any]:
    """Return the network's part of the chart, and the figures and sentences beside it.

    `originals` are the weights that joint training began with, as timm names them, by anchor; `measure` is
    the command that measures the network.
    """
    from snnet.evaluation import accuracy

    rows = accuracy.table(net)
    for row, stitch in zip(rows, net.stitches, strict=True):
        known = net.accuracy(stitch)
        row["words"] = stitch.describe(net.anchor_names)
        row["is_anchor"] = stitch.is_anchor
        row["note"] = known.note if known else "not measured yet"
        row["sets"] = zoo_table.on_sets(net, stitch)
    costs, values = [row["gmacs"] for row in rows], [row["top1"] for row in rows]
    models = zoo.models()
    beaten = frontier.beats(costs, values, [m.gmacs for m in models], [m.top1 for m in models])
    before = _originals(net, rows, originals or {})
    return {
        "name": net.name,
        "title": net.title,
        "stitches": rows,
        "traces": _traces(rows) + _original_traces(before),
        "hides": net.published_as if net.reported else None,  # the curve that shows these very stitches
        "beats": {
            "beaten": beaten.beaten,
            "total": beaten.total,
            "low": beaten.low,
            "high": beaten.high,
            "definition": f"{frontier.BEATS_DEFINITION} Estimates count as they stand.",
            "nothing": _nothing_to_beat(values, beaten),
        },
        "ownership": savings.ownership(net) | {"arithmetic": savings.arithmetic(net)},
        "joint": _joint(net, before),
        "unmeasured": _unmeasured(rows, measure),
        "line": accuracy.line(net),
        "view": _view(rows),
    }


def _nothing_to_beat(values: list[float | None], beaten: frontier.Beats) -> str:
    if all(value is None for value in values):
        return "There is nothing to compare yet: no stitch of this network has a known accuracy."
    if not beaten.total:
        return (
            f"There is nothing to compare: no zoo model lies between {beaten.low:.3f} and "
            f"{beaten.high:.3f} GMACs, where this network's accuracies are known."
        )
    return ""


def _unmeasured(rows: list[dict[str, Any]], measure: str) -> dict[str, str] | None:
    """Return what is not known and the command that measures it, or None."""
    unknown = sum(row["top1"] is None for row in rows)
    if not unknown:
        return None
    if unknown == len(rows):
        text = "The accuracies are unknown."
    else:
        text = f"The accuracies of {unknown} of {len(rows)} stitches are unknown."
    return {"text": text, "command": measure}


def _originals(
    net: "StitchedNetwork", rows: list[dict[str, Any]], originals: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return every anchor that the zoo has as it was before joint training, by the anchors' order."""
    found = []
    published = published_results.curves().get(net.published_as or "")
    for row, stitch in zip(rows, net.stitches, strict=True):
        if not stitch.is_anchor or (name := originals.get(net.anchor_names[stitch.anchors[0]])) is None:
            continue
        size = stitch.image_size
        model = next((m for m in zoo.models() if (m.name, m.image_size) == (name, size)), None)
        if model:
            found.append(
                {
                    "name": name,
                    "title": _anchor_title(net, stitch, published),
                    "gmacs": row["gmacs"],
                    "params_m": row["params_m"],
                    "before": model.top1,
                    "after": row["top1"],
                }
            )
    return found


def _anchor_title(
    net: "StitchedNetwork", stitch: "Stitch", published: published_results.Family | None
) -> str:
    if published and len(published.anchors) == len(net.anchor_names):
        return published.anchors[stitch.anchors[0]].title
    return net.anchor_names[stitch.anchors[0]]


def _original_traces(before: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the originals as hollow squares, each joined to what joint training made of it."""
    if not before:
        return []
    joined = [row for row in before if row["after"] is not None]
    lines = {
        "name": "joint training",
        "x": [x for row in joined for x in (row["gmacs"], row["gmacs"], None)],
        "y": [y for row in joined for y in (row["before"], row["after"], None)],
        "customdata": [m for row in joined for m in (row["params_m"], row["params_m"], None)],
        "mode": "lines",
        "line": {"width": 1.2},
        "hoverinfo": "skip",
        "meta": {"kind": "joint", "tone": "ink"},
    }
    squares = {
        "name": "original",
        "x": [row["gmacs"] for row in before],
        "y": [row["before"] for row in before],
        "customdata": [row["params_m"] for row in before],
        "text": [
            f"<b>original {row['name']}</b>: {row['before']:.2f} % (timm),"
            f"<br>after joint training {_after(row)}"
            for row in before
        ],
        "mode": "markers",
        "marker": {"size": 9, "symbol": "square-open", "line": {"width": 1.6}},
        "hovertemplate": "%{text}<extra></extra>",
        "meta": {"kind": "original", "tone": "ink"},
    }
    return [lines, squares]


def _after(row: dict[str, Any]) -> str:
    if row["after"] is None:
        return "not measured yet"
    points = f"{row['after'] - row['before']:+.2f}".replace("-", "−")
    return f"{row['after']:.2f} % ({points} points)"


def _joint(net: "StitchedNetwork", before: list[dict[str, Any]]) -> str:
    """Return the sentence on what joint training made of the anchors' top-1; "" where that is not known."""
    known = [row for row in before if row["after"] is not None]
    if not known:
        return ""
    said = []
    for row in known:
        digits = 1 if f"{row['before']:.1f}" != f"{row['after']:.1f}" else 2
        said.append(f"{row['title']} {row['before']:.{digits}f} → {row['after']:.{digits}f}")
    verb = "costs" if all(row["after"] < row["before"] for row in known) else "changes"
    return f"Joint training {verb} the anchors: {', '.join(said)} % top-1."


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
        for is_anchor, on_front in ((False, False), (False, True), (True, False), (True, True)):
            key = (source, is_anchor, on_front)
            members = [row for row in rows if (row["source"], row["is_anchor"], row["on_front"]) == key]
            if not members:
                continue
            is_published = source == "published"
            trace: dict[str, Any] = {
                "name": source,
                "x": [row["gmacs"] for row in members],
                "y": [row["top1"] for row in members],
                "customdata": [row["name"] for row in members],
                "text": [_hover(row) for row in members],
                "mode": "markers",
                "marker": {
                    "size": (11 if is_anchor else 6) if is_published else 8,
                    "symbol": symbol,
                    "line": {"width": 0 if is_published and not is_anchor else 1.6},
                },
                "opacity": 1 if on_front or (is_published and is_anchor) else 0.45,
                "hovertemplate": "%{text}<extra></extra>",
                "meta": {"kind": "stitch", "tone": "accent", "anchor": is_anchor},
            }
            if is_anchor or not is_published:  # of 50,000 photos: a bar is shorter than the mark
                trace["error_y"] = {
                    "type": "data",
                    "symmetric": False,
                    "array": [row["interval"][1] - row["top1"] for row in members],
                    "arrayminus": [row["top1"] - row["interval"][0] for row in members],
                    "thickness": 1.2 if on_front else 0.7,
                    "width": 3 if on_front else 0,
                }
            traces.append(trace)
    if unmeasured := [row for row in rows if row["top1"] is None]:
        traces.append(
            {
                "name": "not measured yet",
                "x": [row["gmacs"] for row in unmeasured],
                "y": [RUG_HEIGHT] * len(unmeasured),
                "yaxis": "y2",  # 0 to 1 over the chart's height, whatever the accuracies in view
                "customdata": [row["name"] for row in unmeasured],
                "text": [_hover(row) for row in unmeasured],
                "mode": "markers",
                "marker": {"size": 14, "symbol": "line-ns-open", "line": {"width": 1.8}},
                "hovertemplate": "%{text}<extra></extra>",
                "meta": {"kind": "rug", "tone": "accent"},
            }
        )
    return traces


def _hover(row: dict[str, Any]) -> str:
    head = (
        f"<b>{row['name']}</b><br>{row['words']}<br>"
        f"{row['gmacs']:.3f} GMACs, {row['params_m']:.2f} M parameters<br>"
    )
    if row["top1"] is None:
        return f"{head}<b>not measured yet</b>"
    low, high = row["interval"]
    note = "<br>".join(_wrapped(row["note"], 64))
    return f"{head}<b>{row['top1']:.1f} %</b> top-1 [{low:.1f}, {high:.1f}], {row['source']}<br>{note}"


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


def _view(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the ranges that show the network among its neighbours: half to tenfold its GMACs."""
    gmacs = [row["gmacs"] for row in rows]
    x = [0.5 * min(gmacs), 10 * max(gmacs)]
    top1 = [row["top1"] for row in rows if row["top1"] is not None]
    if top1:
        return {"x": x, "y": [min(top1) - 5, min(91.0, max(top1) + 9)]}
    # nothing is measured: where the better half of the neighbours are, and room for the rug
    near = sorted(model.top1 for model in zoo.models() if x[0] <= model.gmacs <= x[1])
    return {"x": x, "y": [near[len(near) // 4] - 8, min(91.0, near[-1] + 3)] if near else [60.0, 91.0]}
