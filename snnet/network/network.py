"""Anchors joined by stitching layers: one set of weights, many networks, chosen at every call."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor, nn

from snnet.frontier import Cost
from snnet.network.anchor import Anchor, features_between_blocks, walk_anchor
from snnet.network.layers import LayerOptions, StitchingLayer
from snnet.network.priced import Priced
from snnet.photos.label_set import LabelSet, of_head
from snnet.stitches.stitch import Joint, Part, Stitch
from snnet.stitches.words import in_words

if TYPE_CHECKING:
    from snnet.photos.transform import Transform


class Network(nn.Module, Priced):
    """Two or more anchors and the stitching layers between them (Pan, Cai and Zhuang, CVPR 2023).

    The stitch to run is an argument of the call and nothing is kept between calls, so any number of
    threads may use one network at once.

    `transforms` prepares a photo for each image size (px); `options` give every stitching layer a low-rank
    branch, and norms of its own in the blocks behind it (see `own_norms`). `origin` tells, as JSON, how the
    stitching layers were made; `uncounted` the parameters of a stitch, by name, that its authors' tables
    leave out, so that ours agree.

    Raises ValueError if two stitches have one name, or the features at a joint differ in resolution.
    """

    anchors: Sequence[Anchor]  # an nn.ModuleList; so typed, its items are known
    layers: MutableMapping[str, StitchingLayer]  # an nn.ModuleDict, likewise
    norms: MutableMapping[str, nn.Module]  # likewise: by layer, those of the blocks behind it

    def __init__(
        self,
        name: str,
        title: str,
        anchors: Sequence[Anchor],
        stitches: Sequence[Stitch],
        transforms: Mapping[int, "Transform"],
        options: LayerOptions = LayerOptions(),
    ) -> None:
        super().__init__()
        self.name = name
        self.title = title
        self.anchors = nn.ModuleList(anchors)  # type: ignore[assignment]
        self.stitches = tuple(stitches)
        self.transforms = dict(transforms)
        self.rank = options.rank
        self.origin: dict[str, Any] = {}
        self.published_as: str | None = None  # the name in `snnet.published`, of the authors' own networks
        self.uncounted: Mapping[str, int] = {}
        if len(self._by_name) != len(self.stitches):
            raise ValueError(f"{name}: two stitches have the same name")
        points = [features_between_blocks(anchor, self.stitches[0].image_size) for anchor in self.anchors]
        self.layers = nn.ModuleDict()  # type: ignore[assignment]
        for layer, joints in self.joints.items():
            ends = {(points[j.front][j.leave], points[j.back][j.enter], j.front, j.back) for j in joints}
            if len(ends) > 1:
                raise ValueError(f"{name}: the joints of layer {layer} differ in width or resolution")
            before, after, front, back = ends.pop()
            if before.grid != after.grid:
                raise ValueError(
                    f"{name}: the feature maps of {layer} don't meet: {before.grid} places before, "
                    f"{after.grid} after"
                )
            layouts = (self.anchors[front].layout, self.anchors[back].layout)
            self.layers[layer] = StitchingLayer(*layouts, before.width, after.width, options.rank)
        self.norms = nn.ModuleDict()  # type: ignore[assignment]
        self._behind: dict[str, Anchor] = {}  # not registered: all but the norms is the anchors' own
        for layer, joints in self.joints.items() if options.own_norms else ():
            anchor, start = self.anchors[joints[0].back], min(joint.enter for joint in joints)
            self._behind[layer], owned = anchor.with_own_norms(start)
            self.norms[layer] = nn.ModuleDict(owned)

    @cached_property
    def label_set(self) -> LabelSet:
        """What its outputs mean, in order of the logits."""
        return of_head(self.anchors[0].model.num_classes)

    @property
    def anchor_names(self) -> tuple[str, ...]:
        """The anchors' short names."""
        return tuple(anchor.name for anchor in self.anchors)

    @cached_property
    def words(self) -> dict[str, str]:
        """Every stitch in words, by its name: no two alike."""
        titles = [anchor.title for anchor in self.anchors]
        return in_words(self.stitches, titles, [sum(anchor.depths) for anchor in self.anchors])

    @cached_property
    def joints(self) -> dict[str, tuple[Joint, ...]]:
        """The joints that each stitching layer serves: one, or several that share it."""
        served: dict[str, dict[Joint, None]] = {}
        for stitch in self.stitches:
            for layer, joint in zip(stitch.layers, stitch.joints, strict=True):
                served.setdefault(layer, {})[joint] = None
        return {layer: tuple(joints) for layer, joints in served.items()}

    def forward(self, images: Tensor, stitch: Stitch) -> Tensor:
        """(B, 3, H, W) float -> (B, classes) logits, through one stitch.

        Cost and accuracy of the stitch hold at its `image_size`; `transform` prepares photos for it.
        Raises ValueError if the stitch is of another network, or the images are not (B, 3, H, W).
        """
        self.check(stitch)
        if images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(
                f"images have the shape {tuple(images.shape)}: (batch, 3, height, width) is needed"
            )
        x = images
        for part in self.parts(stitch):
            x = self.run(part, x)
        return x

    @property
    def own_norms(self) -> bool:
        """True if every stitching layer has norms of its own behind it."""
        return bool(self.norms)

    def parts(self, stitch: Stitch) -> tuple[Part, ...]:
        """Return everything that a stitch runs, in order: what `run` takes."""
        return stitch.switched_parts if self.own_norms else stitch.parts

    def run(self, part: Part, x: Tensor) -> Tensor:
        """Run one part of a stitch."""
        if part.kind == "layer":
            return self.layers[part.layer](x)  # C_front channels -> C_back, in the back's layout
        return self._owner(part).run(part, x)

    def behind(self, layer: str) -> Anchor:
        """Return the back anchor as it runs behind a stitching layer."""
        return self._behind[layer]

    def _owner(self, part: Part) -> Anchor:
        return self._behind[part.behind] if part.behind else self.anchors[part.anchor]

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; norms behind stitching layers keep the anchors' statistics."""
        super().train(mode)
        for anchor in self._behind.values():
            anchor.train(mode)
        self.norms.eval()  # type: ignore[attr-defined]
        return self

    def tensors(self, part: Part) -> dict[str, Tensor]:
        """Return the parameters and buffers of one part by name."""
        if part.kind == "layer":
            return self.layers[part.layer].state_dict(keep_vars=True)
        return self._owner(part).tensors(part)

    def transform(self, stitch: Stitch) -> "Transform":
        """Return what turns a PIL image into this stitch's (3, S, S) input."""
        return self.transforms[stitch.image_size]

    @cached_property
    def part_macs(self) -> dict[tuple[Part, int], int]:
        """The multiply-accumulates of every part at every image size (px)."""
        macs: dict[tuple[Part, int], int] = {}
        for size in {stitch.image_size for stitch in self.stitches}:
            features: dict[tuple[int, int], Tensor] = {}
            for number, anchor in enumerate(self.anchors):
                for point, (part, count, out) in enumerate(walk_anchor(anchor, size)):
                    macs[Part(part.kind, number, part.index), size] = count
                    features[number, point] = out
            for layer, joints in self.joints.items():
                before = features[joints[0].front, joints[0].leave]
                macs[Part("layer", layer=layer), size] = self.layers[layer].macs(before)
        for stitch in self.stitches:  # norms of one's own cost what the anchor's do
            for part in self.parts(stitch):
                macs[part, stitch.image_size] = macs[replace(part, behind=""), stitch.image_size]
        return macs

    @cached_property
    def _params(self) -> dict[Part, int]:
        parts = {part for stitch in self.stitches for part in self.parts(stitch)}
        tensors = {part: self.tensors(part).values() for part in parts}
        return {part: sum(t.numel() for t in tensors[part] if isinstance(t, nn.Parameter)) for part in parts}

    @cached_property
    def _costs(self) -> dict[str, Cost]:  # type: ignore[override]
        costs = {}
        for stitch in self.stitches:
            parts = self.parts(stitch)
            params = sum(self._params[part] for part in parts) - self.uncounted.get(stitch.name, 0)
            macs = sum(self.part_macs[part, stitch.image_size] for part in parts)
            costs[stitch.name] = Cost(gmacs=macs / 1e9, params_m=params / 1e6)
        return costs

    @property
    def total_params_m(self) -> float:
        """Parameters of the whole file, in millions."""
        return sum(p.numel() for p in self.parameters()) / 1e6
