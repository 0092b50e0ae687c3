"""Initial stitching layers from a few photos, by least squares (Pan, Cai and Zhuang, CVPR 2023, eq. 4).

A stitching layer that serves a joint should turn the front anchor's features into the back anchor's at the
same place. The best linear map, with a bias, solves the normal equations, and those are sums over photos: one
pass over the anchors fills them for all layers at once, in memory that does not grow with the photos.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from snnet.network.network import Network
from snnet.stitches.stitch import Joint

Point = tuple[int, int, int]  # (anchor, blocks run before it, prefix tokens)


class NormalEquations:
    """Accumulates XᵀX and XᵀY in float64 for every stitching layer of a network.

    X (N, C_front + 1) are the front's features with a column of ones, Y (N, C_back) the back's; N runs over
    photos and places, prefix tokens among them. A layer that serves several joints sums theirs.
    """

    def __init__(self, net: Network) -> None:
        def ends(joint: Joint) -> tuple[Point, Point]:
            # the front's tokens as the back has them: with as many prefix tokens
            prefix = net.anchors[joint.back].layout.prefix
            return (joint.front, joint.leave, prefix), (joint.back, joint.enter, prefix)

        self.joints = {layer: [ends(joint) for joint in joints] for layer, joints in net.joints.items()}
        pairs = {pair for pairs in self.joints.values() for pair in pairs}
        self._pairs = sorted(pairs)
        self._points = sorted({point for pair in pairs for point in pair})
        self._gram: dict[Point, Tensor] = {}
        self._cross: dict[tuple[Point, Point], Tensor] = {}
        self.photos = 0

    @torch.no_grad()
    def add(self, net: Network, images: Tensor) -> None:
        """Run the anchors on (B, 3, S, S) images and add what they say.

        Raises ValueError, naming anchor and joint, for features that are not finite: nothing could be solved.
        """
        images = images.to(memory_format=torch.channels_last)  # twice as fast on CPUs; flattens for free
        features: dict[Point, Tensor] = {}
        for number, anchor in enumerate(net.anchors):
            prefixes: dict[int, list[int]] = {
                index: [] for owner, index, _ in self._points if owner == number
            }
            for _, index, prefix in (point for point in self._points if point[0] == number):
                prefixes[index].append(prefix)
            for index, x in anchor.features(images, list(prefixes)).items():
                for prefix in prefixes[index]:
                    tokens = anchor.layout.tokens(x, prefix)
                    if not tokens.isfinite().all():
                        raise ValueError(_not_finite(net, number, index))
                    features[number, index, prefix] = tokens.flatten(0, 1).double()  # (B·(prefix + H·W), C)
        for front in sorted({front for front, _ in self._pairs}):
            x = torch.nn.functional.pad(features[front], (0, 1), value=1.0)
            _add(self._gram, front, x.T @ x)
            for pair in self._pairs:
                if pair[0] == front:
                    _add(self._cross, pair, x.T @ features[pair[1]])
        self.photos += len(images)

    def solve(self, layer: str, tolerance: float = 1e-10) -> tuple[Tensor, Tensor]:
        """Return (weight (C_back, C_front), bias (C_back)) of one layer, float64.

        The solution of minimum norm: directions that the photos excite less than `tolerance` times the
        strongest stay zero, so three photos give finite layers as three thousand do.
        """
        gram = torch.stack([self._gram[front] for front, _ in self.joints[layer]]).sum(0)
        cross = torch.stack([self._cross[pair] for pair in self.joints[layer]]).sum(0)
        # features differ in scale by orders of magnitude: compare directions only after evening them out
        scale = gram.diagonal().clamp_min(1e-30).rsqrt()
        solution = torch.linalg.pinv(gram * scale[:, None] * scale, rtol=tolerance, hermitian=True)
        solution = scale[:, None] * (solution @ (scale[:, None] * cross))  # (C_front + 1, C_back)
        return solution[:-1].T.contiguous(), solution[-1]


def _not_finite(net: Network, number: int, index: int) -> str:
    layers = [
        layer
        for layer, joints in net.joints.items()
        if any((number, index) in ((j.front, j.leave), (j.back, j.enter)) for j in joints)
    ]
    return (
        f"{net.anchors[number].name} gives features that are not finite before its block {index + 1}, at "
        f"the stitching layer {layers[0]}: its weights are broken, fetch or save them again"
    )


def _add(sums: dict[Any, Tensor], key: Any, term: Tensor) -> None:
    sums[key] = sums[key] + term.cpu() if key in sums else term.cpu()


@torch.no_grad()
def start(net: Network, batches: Iterable[Tensor]) -> int:
    """Set every stitching layer of `net` from batches of (B, 3, S, S) images; return the number of photos.

    The layers are the same whatever the batch size, up to rounding. Raises ValueError if there is no photo.
    """
    equations = NormalEquations(net)
    for images in batches:
        equations.add(net, images)
    if not equations.photos:
        raise ValueError(
            "no photo to start the stitching layers from: give at least one, better some hundreds"
        )
    for name, layer in net.layers.items():
        layer.set(*equations.solve(name))
    return equations.photos
