"""The classes that the outputs of a network mean, as far as anything tells."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from snnet.photos.classes import class_names, synset_indices

IMAGENET_1K = "ImageNet-1k"
_TITLES = {  # by timm's name of the subset
    "imagenet-1k": IMAGENET_1K,
    "imagenet-12k": "ImageNet-12k",
    "imagenet-22k": "ImageNet-22k",
    "imagenet-22k-ms": "ImageNet-22k in Microsoft's order",
    "imagenet-21k-goog": "ImageNet-21k",
    "imagenet-21k-miil": "ImageNet-21k-P",
}


@dataclass(frozen=True)
class LabelSet:
    """What each output means: `names` are synsets, or other names of classes, in order; () if nothing tells.

    `title` is what a sentence calls the classes, `outputs` how many there are.
    """

    title: str
    outputs: int
    names: tuple[str, ...] = ()

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """What people read of each output: ImageNet-1k's classes by the names they have there, one each."""
        if self.is_imagenet_1k:
            return class_names()
        if not self.names:
            return tuple(f"output {index} of {self.outputs:,}" for index in range(self.outputs))
        ours, plain = synset_indices(), _words(self.names)
        times = Counter(plain)
        return tuple(
            class_names()[ours[name]] if name in ours else word if times[word] == 1 else f"{word} ({name})"
            for name, word in zip(self.names, plain, strict=True)
        )

    @property
    def is_imagenet_1k(self) -> bool:
        """True for the 1,000 classes of ImageNet-1k in timm's order, which labels are indices of."""
        return self.names == tuple(synset_indices())

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """The synsets of ImageNet-1k that no output means."""
        return tuple(synset for synset in synset_indices() if synset not in {*self.names})

    @cached_property
    def imagenet_1k(self) -> tuple[int, ...] | None:
        """The output of each class of ImageNet-1k, in its order; None where one is lacking."""
        place = {name: output for output, name in enumerate(self.names)}
        return None if self.lacking else tuple(place[synset] for synset in synset_indices())

    @cached_property
    def digest(self) -> str:
        """What results on ImageNet-1k's photos are kept by: what an answer is one of, and how it is read."""
        if self.is_imagenet_1k or not self.names:
            texts = self.names or (self.title, str(self.outputs))
        else:
            texts = (f"{IMAGENET_1K} of", *self.names)
        return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


@cache
def of_head(outputs: int) -> LabelSet:
    """Return what the outputs of a head mean, by their number: timm's `infer_imagenet_subset` knows six sets.

    Each is of one length, so that no two of them are mistaken for each other. Any other number is of classes,
    or of no classes at all, that nothing here tells.
    """
    from timm.data import ImageNetInfo, infer_imagenet_subset

    subset = infer_imagenet_subset({"num_classes": outputs})
    if subset not in _TITLES:
        return LabelSet("classes of its own", outputs)
    names = synset_indices() if outputs == len(synset_indices()) else ImageNetInfo(subset).label_names()
    return LabelSet(_TITLES[subset], outputs, tuple(names))


def _words(names: Sequence[str]) -> list[str]:
    """Return the first word that WordNet has for each synset of ImageNet; other names as they are."""
    from timm.data import ImageNetInfo

    info = ImageNetInfo("imagenet-22k")  # its table of words has the synsets of all subsets
    texts = []
    for name in names:
        try:
            texts.append(info.label_name_to_description(name).split(",")[0].strip())
        except KeyError:
            texts.append(name)
    return texts
