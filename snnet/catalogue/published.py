"""The authors' checkpoints, read into our network on timm's own models.

What their code names otherwise than today's timm is settled here: Swin's step down at a stage's end, LeViT's
numbering of half blocks, SN-Netv2's low-rank branches. How the networks are
put together is in `snnet.catalogue.families`, what is known of them in `snnet.tables.published_results`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snnet.catalogue.families import assemble, reported
from snnet.tables.published_results import families, family_of
from snnet.weights.files import WeightsError, brief, differing

if TYPE_CHECKING:
    from torch import Tensor

    from snnet.catalogue.stitched_network import StitchedNetwork

__all__ = [
    "LOW_RANK",
    "blank",
    "families",
    "family_of",
    "file_bytes",
    "from_state_dict",
    "outline",
    "untrained",
]
LOW_RANK = 64  # of SN-Netv2's branches; alpha is 1, so they are added divided by this

# ------------------------------------------------------------------------------------- names of tensors

_COMPUTED = re.compile(
    r"(attn_mask|relative_position_index|attention_bias_idxs_?|num_batches_tracked)$"
)  # tensors that a model computes itself, or that only training counts


def _their_key(key: str, depths: Sequence[Sequence[int]], architectures: Sequence[str]) -> str:
    """Return the name under which the authors' checkpoint holds a tensor of our network."""
    if layer := re.fullmatch(r"layers\.([\d-]+)\.(\w+)", key):
        return f"stitch_layers.{layer[1].replace('-', '.')}.transform.{layer[2]}"
    _, number, _, inner = key.split(".", 3)  # anchors.0.model.…
    architecture = architectures[int(number)]
    if architecture.startswith("swin"):
        inner = re.sub(r"^layers\.(\d+)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", inner)
        inner = inner.replace("head.fc.", "head.")
    elif architecture.startswith("levit"):
        inner = _their_levit(inner, depths[int(number)])
    elif architecture.startswith("deit3"):
        inner = re.sub(r"\.ls([12])\.gamma$", r".gamma_\1", inner)
    return f"anchors.{number}.{inner}"


def _their_levit(key: str, depths: Sequence[int]) -> str:
    """Return LeViT's own name: halves of blocks, steps down among them, are numbered through all stages."""

    def first(stage: str) -> int:  # half blocks before the stage's first: two a block, two a step down
        return sum(2 * depth for depth in depths[: int(stage)]) + 2 * int(stage)

    rules: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"^stem\.conv(\d)\.", lambda m: f"patch_embed.{2 * int(m[1]) - 2}."),
        (r"^stages\.(\d)\.blocks\.(\d+)\.attn\.", lambda m: f"blocks.{first(m[1]) + 2 * int(m[2])}.m."),
        (
            r"^stages\.(\d)\.blocks\.(\d+)\.mlp\.ln([12])\.",
            lambda m: f"blocks.{first(m[1]) + 2 * int(m[2]) + 1}.m.{2 * int(m[3]) - 2}.",
        ),
        (r"^stages\.(\d)\.downsample\.attn_downsample\.", lambda m: f"blocks.{first(m[1]) - 2}."),
        (
            r"^stages\.(\d)\.downsample\.mlp\.ln([12])\.",
            lambda m: f"blocks.{first(m[1]) - 1}.m.{2 * int(m[2]) - 2}.",
        ),
        (r"(q|proj)\.ln\.", lambda m: f"{m[1]}.1."),
        (r"^(head|head_dist)\.linear\.", lambda m: f"{m[1]}.l."),
        (r"\.linear\.", lambda m: ".c."),
    ]
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def _merged(state_dict: Mapping[str, "Tensor"]) -> dict[str, "Tensor"]:
    """Return a checkpoint with its low-rank branches added to their weights: W + B·A / 64."""
    merged = dict(state_dict)
    for key in [key for key in merged if key.endswith(".lora_A")]:
        stem = key.removesuffix("lora_A")
        if {stem + "lora_B", stem + "weight"} <= merged.keys():
            branch = merged.pop(stem + "lora_B").float() @ merged.pop(key).float() / LOW_RANK
            weight = merged[stem + "weight"]
            if branch.shape == weight.shape:  # else the comparison of shapes will say so
                merged[stem + "weight"] = weight.float() + branch
    return merged


# --------------------------------------------------------------------------------------------- networks


def outline(name: str, rank: int = 0) -> "StitchedNetwork":
    """Return a published network without memory: its stitches and what they cost, but no weights.

    Raises ValueError for an unknown name.
    """
    import torch

    from snnet.catalogue.stitched_network import StitchedNetwork

    with torch.device("meta"):
        return assemble(StitchedNetwork, family_of(name), rank)


def file_bytes(name: str) -> int:
    """Return the bytes of the tensors in the authors' file: what is to be fetched, but for some kilobytes.

    SN-Netv2's hold their low-rank branches, and one stitching layer that no stitch uses.
    """
    family = family_of(name)
    net = outline(name, LOW_RANK if family.is_two_way else 0)
    size = sum(tensor.numel() * tensor.element_size() for tensor in net.state_dict().values())
    if family.is_two_way:  # the spare one leads from the first anchor's last block to the second's head
        spare = next(layer for key, layer in net.layers.items() if key.startswith("0-"))
        size += sum(tensor.numel() * tensor.element_size() for tensor in spare.state_dict().values())
    return size


def blank(name: str, rank: int = 0) -> "StitchedNetwork":
    """Return a published network with random anchors and zero layers, for tensors of ours to be read into."""
    from snnet.catalogue.stitched_network import StitchedNetwork

    net = assemble(StitchedNetwork, family_of(name), rank)
    net.reported = reported(net)
    return net


def untrained(name: str, rank: int = 0) -> "StitchedNetwork":
    """Return a published network as its training began: timm's originals for anchors, the layers zero.

    Raises WeightsError where the originals' weights can't be had.
    """
    from snnet.catalogue.stitched_network import StitchedNetwork
    from snnet.weights.originals import timm_model

    family = family_of(name)
    net = assemble(StitchedNetwork, family, rank)
    for anchor, theirs in zip(net.anchors, family.anchors, strict=True):
        original = timm_model(theirs.original)
        anchor.model.load_state_dict(original.state_dict())
    net.origin = {}
    return net


def from_state_dict(family: str, state_dict: Mapping[str, Any]) -> "StitchedNetwork":
    """Return the network of a checkpoint in the authors' layout, in evaluation mode.

    Its k-th stitch is the k-th row of the authors' table, and has their accuracy. `state_dict` may be wrapped
    as {"model": …}; its low-rank branches are merged into the weights.

    Raises ValueError for an unknown family, and WeightsError that names the tensors which are missing,
    unknown or misshapen.
    """
    from snnet.catalogue.stitched_network import StitchedNetwork

    network = family_of(family)
    if isinstance(state_dict.get("model"), Mapping):
        state_dict = state_dict["model"]
    checkpoint = {key: tensor for key, tensor in _merged(state_dict).items() if not _COMPUTED.search(key)}
    net = assemble(StitchedNetwork, network)
    depths = [anchor.depths for anchor in net.anchors]
    architectures = [anchor.architecture for anchor in network.anchors]
    ours = {key: tensor for key, tensor in net.state_dict().items() if not _COMPUTED.search(key)}
    theirs = {key: _their_key(key, depths, architectures) for key in ours}
    # 1×1 convolutions of theirs may be linear layers of ours
    expected = {theirs[key]: tensor for key, tensor in ours.items()}
    shaped = {
        key: tensor.reshape(expected[key].shape)
        if key in expected and key.startswith("stitch_layers.") and tensor.shape[2:] == (1, 1)
        else tensor
        for key, tensor in checkpoint.items()
        if key in expected or not _is_spare(key, net)
    }
    if words := differing(expected, shaped):
        raise WeightsError(f"these are not the weights of {network.title}: {brief(words)}")
    net.load_state_dict({key: shaped[theirs[key]] for key in ours}, strict=False)
    net.reported = reported(net)
    return net


def _is_spare(key: str, net: "StitchedNetwork") -> bool:
    """True for a stitching layer that no stitch uses: SN-Netv2 stores one after the last block."""
    layer = re.fullmatch(r"stitch_layers\.(\d+\.\d+)\.transform\.\w+", key)
    return layer is not None and layer[1].replace(".", "-") not in net.layers
