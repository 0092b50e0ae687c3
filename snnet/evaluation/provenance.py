"""What produced a result: the tensors on a stitch's route, the photos, the transform and the precision."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from snnet.evaluation.results import TORCH, Result, shipped
from snnet.evaluation.store import Store
from snnet.optional import optional
from snnet.stitches.stitch import Part, Stitch

if TYPE_CHECKING:
    from snnet.network.network import Network
    from snnet.photos.photo_set import Photos


def routes(net: "Network") -> dict[str, str]:
    """Return the hash of every stitch's route by name: of what runs and with which tensors, nothing else.

    An anchor alone therefore keeps its results when a stitching layer changes, or in another network.
    """
    digests: dict[Part, bytes] = {}
    hashes = {}
    for stitch in net.stitches:
        route = hashlib.sha256()
        for part in net.parts(stitch):
            if part not in digests:
                digests[part] = _digest(net, part)
            route.update(digests[part])
        hashes[stitch.name] = route.hexdigest()[:32]
    return hashes


def _digest(net: "Network", part: Part) -> bytes:
    owner = "layer" if part.kind == "layer" else net.anchors[part.anchor].architecture
    digest = hashlib.sha256(f"{part.kind} {part.index} {owner}".encode())
    for name, tensor in sorted(net.tensors(part).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.digest()


def results_of(
    net: "Network", store: Store | None = None, bundled: Sequence[Result] = (), *, strict: bool = False
) -> list[tuple[Stitch, Result]]:
    """Return every result that holds for a stitch of this network as it is, the user's own last.

    `bundled` are results that came with the network's folder. Where the store can't be used its results are
    left out, with a warning, unless `strict`: then that is a StoreError.
    """
    ways = routes(net)
    ours = (store or Store()).results(ways.values()) if strict else own_results(ways, store)
    transforms = {size: transform.key for size, transform in net.transforms.items()}
    return results_for(net.stitches, ways, transforms, [*shipped(), *bundled, *ours])


def own_results(routes: Mapping[str, str], store: Store | None = None) -> list[Result]:
    """Return the user's own results of these routes; none, with a warning, where the store can't be used."""
    own = partial((store or Store()).results, routes.values())
    return optional(own, [], "this machine's own results are")


def results_for(
    stitches: Sequence[Stitch],
    routes: Mapping[str, str],
    transforms: Mapping[int, str],
    results: Iterable[Result],
) -> list[tuple[Stitch, Result]]:
    """Return those of these results that hold for a stitch, with it.

    `routes` are by the stitch's name, `transforms` by its image size in px.
    """
    by_route: dict[tuple[str, str], list[Stitch]] = {}
    for stitch in stitches:
        by_route.setdefault((routes[stitch.name], transforms[stitch.image_size]), []).append(stitch)
    return [(stitch, r) for r in results for stitch in by_route.get((r.route, r.transform), [])]


def results_on(
    net: "Network", photos: "Photos", precision: str, store: Store | None = None
) -> dict[str, Result]:
    """Return the results on these very photos, in one precision, by the stitch's name.

    Raises StoreError where the store can't be used.
    """
    run = photos.fingerprint, precision, net.label_set.digest, TORCH
    return {
        stitch.name: result
        for stitch, result in results_of(net, store, strict=True)
        if (result.photos, result.precision, result.classes, result.engine) == run
    }


def missing(net: "Network", photos: "Photos", precision: str, store: Store) -> list[Stitch]:
    """Return the stitches without a result for these photos, neither in the store nor shipped."""
    done = results_on(net, photos, precision, store)
    return [stitch for stitch in net.stitches if stitch.name not in done]


def run_key(net: "Network", photos: "Photos", stitches: Sequence[Stitch], precision: str) -> str:
    """Return what makes an evaluation this one: photos, precision, the stitches' tensors and transforms."""
    route = routes(net)
    parts = [photos.fingerprint, precision]
    parts += [] if net.label_set.is_imagenet_1k else [net.label_set.digest]
    parts += [f"{route[stitch.name]} {net.transform(stitch).key}" for stitch in stitches]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
