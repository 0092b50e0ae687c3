"""Labels held against what a network answers, before any photo is decoded."""

from collections.abc import Sequence

from snnet.photos.classes import class_names, synset_indices
from snnet.photos.label_set import IMAGENET_1K, LabelSet
from snnet.photos.labels import BY_NAME, CLASSES, few
from snnet.photos.photo_set import Photos
from snnet.photos.store import UNKNOWN


class LabelError(ValueError):
    """Says in a sentence why labels can't be used with a network, and what to do."""


def outputs_of(photos: Photos, head: LabelSet, network: str) -> tuple[int, ...]:
    """Return the output of a network's head for each class of ImageNet-1k, once all the labels are sound.

    Reads the labels and no photo. `network` is what a sentence calls it. Raises LabelError where a photo has
    no label, or one that is no class of ImageNet-1k, or where the head does not know them all.
    """
    _check_head(head, network)
    labels = photos.labels  # read first: what is wrong with them may show as they are read
    if photos.why_not:
        raise LabelError(f"{photos.describe()}: {photos.why_not}")
    if odd := [label for label in labels if label != UNKNOWN and not 0 <= label < CLASSES]:
        raise LabelError(
            f"{photos.describe()}: label {odd[0]}{_more(odd)} is no class of {IMAGENET_1K} (0 to "
            f"{CLASSES - 1}; {UNKNOWN} for none), so the labels mean something else: take photos with its "
            "labels"
        )
    if unknown := labels.count(UNKNOWN):
        raise LabelError(
            f"{photos.describe()}: {unknown:,} photo{'s have' if unknown > 1 else ' has'} no label: give a "
            f"folder with a sub-folder for each class, named {BY_NAME}, or the labels of a flat one by "
            "--labels FILE"
        )
    assert head.imagenet_1k is not None
    return head.imagenet_1k


def _check_head(head: LabelSet, network: str) -> None:
    if not head.names:
        raise LabelError(
            f"{network} answers with {head.outputs:,} {head.title}, of which nothing tells what they are, so "
            f"{IMAGENET_1K} labels can't be held against it: take a network whose classes are {IMAGENET_1K}'s"
        )
    if lacking := head.lacking:
        words = [class_names()[synset_indices()[synset]] for synset in lacking]
        raise LabelError(
            f"{network} answers with the {head.outputs:,} classes of {head.title}, where {len(lacking):,} of "
            f"{IMAGENET_1K}'s {CLASSES:,} {'are' if len(lacking) > 1 else 'is'} lacking ({few(words)}), so "
            f"its labels can't be held against it: take weights whose head is {IMAGENET_1K}'s"
        )


def reduction(head: LabelSet) -> str:
    """Return in words how a head is read on ImageNet-1k's photos; "" if it is ImageNet-1k's own."""
    if head.is_imagenet_1k or head.imagenet_1k is None:
        return ""
    return f"of {head.outputs:,} classes ({head.title}) those of {IMAGENET_1K} read, by synset"


def doubles_in_words(photos: Photos) -> str:
    """Return how many of the photos are others over again, and those in two classes by name; "" for none."""
    if not photos.doubles:
        return ""
    more = sum(len(same) - 1 for same in photos.doubles)
    text = f"{more:,} photo{'s are' if more > 1 else ' is'} there more than once"
    if split := [same for same in photos.doubles if len({label for _, label in same}) > 1]:
        where = {label: name for name, label in reversed(split[0])}
        others = f" and {len(split) - 1:,} more" if len(split) > 1 else ""
        text += f", in two classes {' = '.join(sorted(where.values())[:2])}{others}"
    return text


def _more(labels: Sequence[int]) -> str:
    return f" (and {len(labels) - 1:,} more)" if len(labels) > 1 else ""
