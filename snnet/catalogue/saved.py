"""A network in a folder: its plan as JSON, its tensors as safetensors, its results, and a card for the hub.

The same folder is what a hub repository of a network holds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from snnet import files
from snnet.catalogue import plans
from snnet.catalogue.plans import CARD, CONFIG, FORMAT, RESULTS, WEIGHTS
from snnet.optional import optional
from snnet.stitches.stitch import Leg, Stitch
from snnet.weights.files import WeightsError, brief, differing, read_checkpoint, shapes_of

if TYPE_CHECKING:
    from torch import Size, Tensor

    from snnet.evaluation.results import Result
    from snnet.network.anchor import Anchor
    from snnet.network.network import Network

N = TypeVar("N", bound="Network")

read_plan = plans.read
_ANCHORS_FROM = "anchors_from"  # in the plan: "originals" where the folder holds no tensors of the anchors


def is_network(folder: Path) -> bool:
    """True for a folder that `save` wrote, or that means to be one."""
    return (folder / CONFIG).is_file()


def write(
    folder: Path, plan: Mapping[str, Any], net: "Network", bundled: "Sequence[Result]", text: str
) -> None:
    """Write a network to a folder: its plan, its tensors, the results `bundled` with it, and its card's text.

    The folder is made if it is missing; what was there of another network is replaced, or stays whole where
    that fails. Where the plan leaves the anchors to their originals, their tensors are left out and the
    others rounded to float16. The plan comes last, with the checksum of every file. Raises WriteError.
    """
    import safetensors.torch

    from snnet.evaluation import results

    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in _own_tensors(net, plan).items()}
    if is_light(plan):
        tensors = {key: tensor.half() for key, tensor in tensors.items()}
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    names = [WEIGHTS, CARD, *([RESULTS] if bundled else []), CONFIG]
    with files.all_whole(
        [folder / name for name in names], needed=needed, elsewhere="name another folder"
    ) as places:
        parts = dict(zip(names, places, strict=True))
        safetensors.torch.save_file(tensors, parts[WEIGHTS], metadata={"format": "pt"})
        parts[CARD].write_text(text, encoding="utf-8")
        if bundled:
            parts[RESULTS].write_text(results.table(bundled), encoding="utf-8", newline="\n")
        sums = {CONFIG: plans.sum_of(plan)}
        sums |= {name: plans.sum_of_file(part) for name, part in parts.items() if name != CONFIG}
        parts[CONFIG].write_text(plans.text({**plan, plans.SUMS: sums}), encoding="utf-8")
    if not bundled:
        (folder / RESULTS).unlink(missing_ok=True)


def read(folder: Path, make: "type[N]") -> "N":
    """Return the network of a folder, of this class, in evaluation mode.

    Nothing is made before the file of weights is known to have its tensors: what a stranger's plan asks for
    costs no more memory than the stranger sent. The file's checksum is worked out while the network is built.

    Raises WeightsError naming the file that is missing, damaged, changed or of another network.
    """
    plan = read_plan(folder / CONFIG)
    remedy = plans.REMEDY
    with plans.unchanged(folder, WEIGHTS, plan) as file:
        shapes = shapes_of(file, remedy)
        net = _network(plan, folder, make, shapes)
        words = differing({name: t.shape for name, t in _own_tensors(net, plan).items()}, shapes)
    if words:
        raise WeightsError(f"{folder / WEIGHTS} does not fit {folder / CONFIG}: {brief(words)}; {remedy}")
    tensors = read_checkpoint(file, remedy)
    for layer in net.layers.values():
        layer.to_empty(device="cpu")
    net.load_state_dict(net.state_dict() | tensors)
    if not is_light(plan):
        for anchor, row in zip(net.anchors, plan.get("anchors", ()), strict=False):
            anchor.weights = None if _has_moved(plan) else row["weights"]
    return net


def _has_moved(plan: Mapping[str, Any]) -> bool:
    """True if the anchors of a plan were trained on: earlier versions kept their originals' names then."""
    recipe = plan.get("origin", {}).get("recipe")
    return isinstance(recipe, dict) and bool(recipe.get("anchor_lr"))


def read_untrained(folder: Path, make: "type[N]", own_norms: bool) -> "N":
    """Return the network of a folder as its training began: its anchors' originals, its layers zero.

    Raises WeightsError where the originals can't be had.
    """
    plan = read_plan(folder / CONFIG)
    return _network({**plan, "own_norms": own_norms, _ANCHORS_FROM: "originals", "origin": {}}, folder, make)


def _own_tensors(net: "Network", plan: Mapping[str, Any]) -> "dict[str, Tensor]":
    """Return the tensors of a network that its folder holds."""
    return {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not (is_light(plan) and name.startswith("anchors."))
    }


def bundled_results(folder: Path) -> "list[Result]":
    """Return the results that came with a network's folder; damaged ones are left out, with a warning."""
    return optional(lambda: _bundled(folder), [], "the results that came with the network are")


def _bundled(folder: Path) -> "list[Result]":
    from snnet.evaluation import results

    plan = read_plan(folder / CONFIG)
    if RESULTS not in plans.sums(plan) and not (folder / RESULTS).is_file():
        return []
    with plans.unchanged(folder, RESULTS, plan) as file:
        return results.read_table(file)


def plan_of(net: "Network", is_reported: bool, light: bool = False) -> dict[str, Any]:
    """Return all that makes a network again but its tensors, as JSON; see `is_reported` and `is_light`.

    Raises ValueError for anchors that can't be left to their originals, because they are not what those are.
    """
    import timm

    plan: dict[str, Any] = {
        "format": FORMAT,
        "name": net.name,
        "title": net.title,
        "origin": dict(net.origin),
        "timm": timm.__version__,
    }
    if net.published_as:
        return plan | {"published": net.published_as, "rank": net.rank, "reported": is_reported}
    if light:
        _check_originals(net)
        plan[_ANCHORS_FROM] = "originals"
    return plan | {
        "rank": net.rank,
        "own_norms": net.own_norms,
        "anchors": [
            {"name": a.name, "model": a.recipe[0], "options": dict(a.recipe[1]), "weights": a.weights}
            | ({"title": a.title} if a.title != a.name else {})
            for a in net.anchors
        ],
        "transforms": [transform.settings for transform in net.transforms.values()],
        "stitches": [
            {
                "name": stitch.name,
                "legs": [[leg.anchor, leg.start, leg.stop] for leg in stitch.legs],
                "layers": list(stitch.layers),
                "image_size": stitch.image_size,
            }
            for stitch in net.stitches
        ],
    }


def is_reported(plan: Mapping[str, Any]) -> bool:
    """True if what a network's authors report holds for these weights: they were not trained on since."""
    return "published" in plan and plan.get("reported", True)


def is_light(plan: Mapping[str, Any]) -> bool:
    """True if a folder leaves its anchors' tensors to their originals: a package's, or timm's hub's."""
    return plan.get(_ANCHORS_FROM) == "originals"


def is_here(plan: Mapping[str, Any]) -> bool:
    """True if a folder's network can be loaded without a server."""
    from snnet.weights.originals import is_packaged

    return not is_light(plan) or all(is_packaged(row["weights"]) for row in plan["anchors"])


def _check_originals(net: "Network") -> None:
    from snnet.weights.originals import timm_model

    for anchor in net.anchors:
        original = timm_model(anchor.weights).state_dict() if anchor.weights else {}
        ours = anchor.model.state_dict()
        if ours.keys() != original.keys() or any(not ours[key].cpu().equal(original[key]) for key in ours):
            name = anchor.weights or "none is named"
            raise ValueError(f"{anchor.name} is not its original ({name}): save {net.name} whole")


def _network(
    plan: Mapping[str, Any], folder: Path, make: "type[N]", shapes: "Mapping[str, Size] | None" = None
) -> "N":
    """Return the network of a plan, without its tensors.

    With the shapes of those, its anchors are made only where they have them, and its layers take no memory
    yet.
    """
    from contextlib import nullcontext

    import torch

    from snnet.catalogue import families
    from snnet.network.layers import LayerOptions
    from snnet.photos.transform import Transform
    from snnet.tables.published_results import family_of

    try:
        if name := plan.get("published"):
            net = families.assemble(make, family_of(name), plan.get("rank", 0))
        else:
            anchors = [_anchor(plan, number, shapes) for number in range(len(plan["anchors"]))]
            stitches = [_stitch(row, anchors) for row in plan["stitches"]]
            transforms = {row["image_size"]: Transform(**row) for row in plan["transforms"]}
            options = LayerOptions(plan["rank"], plan.get("own_norms", False))
            with torch.device("meta") if shapes else nullcontext():
                net = make(plan["name"], plan["title"], anchors, stitches, transforms, options).eval()
    except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
        if isinstance(error, WeightsError):
            raise
        why = f"does not make a network ({type(error).__name__}: {error})"
        raise WeightsError(f"{folder / CONFIG} {why}: {plans.REMEDY}{_other_timm(plan)}") from error
    net.origin = dict(plan.get("origin", {}))
    return net


def _other_timm(plan: Mapping[str, Any]) -> str:
    """Return what else may help where a plan was saved by another version of timm."""
    import timm

    theirs, ours = plan.get("timm"), timm.__version__
    return "" if theirs in (None, ours) else f", or install timm {theirs}, which saved it: here is {ours}"


def _anchor(plan: Mapping[str, Any], number: int, shapes: "Mapping[str, Size] | None") -> "Anchor":
    import timm
    import torch

    from snnet.network.anchor import make_anchor

    row = plan["anchors"][number]
    pretrained = is_light(plan)
    model = row["weights"] if pretrained else row["model"]
    if model is None or not timm.is_model(model):
        raise ValueError(f"timm has no model {model!r}")
    if shapes is not None and not pretrained:
        with torch.device("meta"):
            twin = make_anchor(row["name"], model, False, row["options"]).state_dict()
        begin = f"anchors.{number}."
        theirs = {name[len(begin) :]: shape for name, shape in shapes.items() if name.startswith(begin)}
        if words := differing({name: tensor.shape for name, tensor in twin.items()}, theirs):
            raise ValueError(f"{WEIGHTS} does not fit its anchor {row['name']}: {brief(words)}")
    anchor = make_anchor(row["name"], model, pretrained, row["options"])
    anchor.weights = row["weights"]
    anchor.title = row.get("title", row["name"])
    return anchor


def _stitch(row: Mapping[str, Any], anchors: "Sequence[Anchor]") -> Stitch:
    for anchor, _, stop in row["legs"]:
        if stop > (depth := sum(anchors[anchor].depths)):
            raise ValueError(f"{row['name']}: {anchors[anchor].name} has {depth} blocks and not {stop}")
    return Stitch(
        name=row["name"],
        legs=tuple(Leg(*leg) for leg in row["legs"]),
        layers=tuple(row["layers"]),
        image_size=row["image_size"],
    )
