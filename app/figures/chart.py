"""The frontier chart in rows: the zoo, the published curves, and a network's stitches over them.

What is drawn of them, and how it looks, is the browser's: see `static/chart/traces.js`.
"""

from functools import cache
from typing import Any

from snnet.catalogue.figures import Figures
from snnet.evaluation import accuracy, against_zoo
from snnet.tables import published_results, zoo

from . import savings, zoo_table

NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six")


@cache
def zoo_figure(title: str) -> dict[str, Any]:
    """Return {"title", "zoo": `zoo_table.table`, "curves": the published networks}, without any network.

    A curve is {"key", "title", "source", "gmacs", "top1" in percent, "params_m" (None where its authors give
    none), "index" by which they number it, "anchors": places of the joint-trained anchors}, a place a stitch.
    """
    curves = [_curve(key, curve) for key, curve in published_results.curves().items()]
    return {"title": title, "zoo": zoo_table.table(), "curves": curves}


def _curve(key: str, curve: published_results.Family) -> dict[str, Any]:
    columns = ("gmacs", "top1", "params_m", "index")
    return {
        "key": key,
        "title": curve.title,
        "source": curve.paper,
        **{name: [getattr(stitch, name) for stitch in curve.stitches] for name in columns},
        "anchors": [place for place, stitch in enumerate(curve.stitches) if stitch.is_anchor],
    }


def network_layer(net: Figures, measure: str = "") -> dict[str, Any]:
    """Return the network's part of the chart, and the figures and sentences beside it.

    `measure` is the command that measures the network.
    """
    rows = accuracy.table(net)
    for row, stitch in zip(rows, net.stitches, strict=True):
        figure = net.accuracy(stitch)
        row["words"] = net.words[stitch.name]
        row["is_anchor"] = stitch.is_anchor
        row["note"] = figure.note if figure else "not measured yet"
        row["sets"] = zoo_table.on_sets(net, stitch)
    before = _originals(net, rows)
    return {
        "name": net.name,
        "title": net.title,
        "stitches": rows,
        "originals": before,
        "hides": net.published_as if net.reported else None,  # the curve that shows these very stitches
        "beats": against_zoo.standing(net).as_json(),
        "head": head(net),
        "ownership": savings.ownership(net) | {"arithmetic": savings.arithmetic(net)},
        "joint": _joint(net, before),
        "unmeasured": _unmeasured(rows, measure),
        "line": accuracy.line(net),
        "credits": net.credits,
        "view": _view(rows),
    }


def head(net: Figures | None) -> dict[str, str]:
    """Return the page's headline and the beginning of the sentence under it; of no network in particular."""
    if net is None:
        return {"headline": "One network, many speeds", "lead": "Trained classifiers stitched into one file"}
    count = len(net.anchor_names)
    anchors = NUMBERS[count] if count < len(NUMBERS) else str(count)
    return {
        "headline": f"One network, {net.ways:,} speeds",
        "lead": f"{anchors} trained classifiers stitched into one {4 * net.total_params_m:,.0f} MB file",
    }


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


def _originals(net: Figures, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every anchor that the zoo has as it was before joint training, by the anchors' order."""
    table = []
    for row, stitch in zip(rows, net.stitches, strict=True):
        if not stitch.is_anchor or (name := net.originals.get(net.anchor_names[stitch.anchors[0]])) is None:
            continue
        size = stitch.image_size
        model = next((m for m in zoo.models() if (m.name, m.image_size) == (name, size)), None)
        if model:
            table.append(
                {
                    "name": name,
                    "title": net.anchor_titles[stitch.anchors[0]],
                    "gmacs": row["gmacs"],
                    "params_m": row["params_m"],
                    "before": model.top1,
                    "after": None if row["source"] == "partial" else row["top1"],
                }
            )
    return table


def _joint(net: Figures, before: list[dict[str, Any]]) -> str:
    """Return the sentence on what joint training made of the anchors' top-1; "" where that is not known."""
    rows = [row for row in before if row["after"] is not None]
    if not rows:
        return ""
    words = []
    for row in rows:
        digits = 1 if f"{row['before']:.1f}" != f"{row['after']:.1f}" else 2
        words.append(f"{row['title']} {row['before']:.{digits}f} → {row['after']:.{digits}f}")
    verb = "costs" if all(row["after"] < row["before"] for row in rows) else "changes"
    return f"Joint training {verb} the anchors: {', '.join(words)} % top-1."


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
