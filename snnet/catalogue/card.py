"""The hub's model card of a network: what it is, of whom, under which licences, and how accurate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snnet.catalogue.families import ONWARD, weights_of
from snnet.tables.published_results import V1, V2
from snnet.weights import licences

if TYPE_CHECKING:
    from snnet.network.network import Network


def card(net: "Network", table: Sequence[Mapping[str, Any]], line: str) -> str:
    """Return the card: what the network is, its weights and papers, its frontier with sources, how to use it.

    `table` and `line` are what `snnet.evaluation.accuracy` says of it.
    """
    rows = sorted(table, key=lambda row: row["gmacs"])
    measured = [row for row in rows if row["on_front"]]
    listed = measured or rows
    low, high = net.printed_range()
    example = net.printed(net.stitch(listed[len(listed) // 2]["name"]))[0]
    sizes = sorted({stitch.image_size for stitch in net.stitches})
    return "\n".join(
        [
            "---",
            "library_name: snnet",
            "pipeline_tag: image-classification",
            *_licence(net),
            "tags:",
            *(f"- {tag}" for tag in ("image-classification", "stitchable-neural-networks", "timm")),
            "---",
            "",
            f"# {net.title}",
            "",
            f"A stitchable neural network: {net.ways} networks between {low} and {high} "
            f"GMACs in {net.total_params_m:.1f} M parameters, chosen anew at every call. "
            f"Images of {', '.join(map(str, sizes))} px.",
            "",
            "Anchors: " + ", ".join(f"`{anchor.recipe[0]}`" for anchor in net.anchors) + ".",
            f"Stitching layers: {net.origin.get('method', 'as trained by their authors')}.",
            "",
            "```python",
            "import snnet",
            "",
            'net = snnet.StitchedNetwork.from_pretrained("REPOSITORY OR FOLDER")',
            f"stitch = net.select(gmacs={example})",
            "logits = net(net.transform(stitch)(photo)[None], stitch)",
            "```",
            "",
            "## Weights and papers",
            "",
            *(f"- {words}" for words in _credits(net)),
            *([f"- {ONWARD}"] if net.published_as else []),
            *(f"- Method: {paper}." for paper in papers(net)),
            "",
            "## Frontier" if measured else "## Stitches (not measured yet)",
            "",
            "| stitch | GMACs | parameters | top-1 | from |",
            "|---|---|---|---|---|",
            *(_row(net, row) for row in listed),
            "",
            line,
            "",
        ]
    )


def _row(net: "Network", row: Mapping[str, Any]) -> str:
    top1 = source = "–"
    if row["top1"] is not None:
        low, high = row["interval"]
        top1, source = f"{row['top1']:.2f} % [{low:.2f}, {high:.2f}]", row["origin"]
    gmacs, params_m = net.printed(net.stitch(row["name"]))
    return f"| `{row['name']}` | {gmacs} | {params_m} M | {top1} | {source} |"


def papers(net: "Network") -> list[str]:
    """Return the papers whose method made the network: SN-Net's, SN-Netv2's, or both.

    Stitches that go back to an earlier anchor are SN-Netv2's, all others SN-Net's; low-rank layers and
    training by ranges of cost are SN-Netv2's too.
    """
    is_two_way = any(
        leg.anchor > following.anchor
        for stitch in net.stitches
        for leg, following in zip(stitch.legs, stitch.legs[1:], strict=False)
    )
    sampling = net.origin.get("recipe", {}).get("sampling")
    is_second = is_two_way or bool(net.rank) or sampling == "gmacs"
    return [paper for paper, is_used in ((V1, not is_two_way), (V2, is_second)) if is_used]


def _credits(net: "Network") -> list[str]:
    weights = weights_of(net)
    return [
        f"Weights of {anchor.name}: {licences.credit(weights[anchor.name])}."
        if anchor.name in weights
        else f"Weights of {anchor.name}: no pretrained ones."
        for anchor in net.anchors
    ]


def _licence(net: "Network") -> list[str]:
    """Return the card's line of its licence: that of all anchors' weights, or other where they differ."""
    names = {licences.licence(weights) for weights in weights_of(net).values()}
    if not names:
        return []
    name, *others = names
    is_one = not others and licences.is_common(name)
    return [f"license: {name if is_one else 'other'}"]
