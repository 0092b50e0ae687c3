"""A stitch in words that nobody has to learn: "Lite0, then Lite1 from block 4 on, at 224 px"."""

from collections import Counter
from collections.abc import Sequence

from snnet.stitches.stitch import Leg, Stitch


def in_words(stitches: Sequence[Stitch], titles: Sequence[str], depths: Sequence[int]) -> dict[str, str]:
    """Return each stitch of a network in words, by its name; no two alike.

    `titles` are the anchors', `depths` their numbers of blocks. Blocks are counted from 1 through all stages.
    Where a stitch is left is said where another differs from it by that alone; the name stands with the words
    where two differ by their layers only.
    """
    brief = {stitch.name: _words(stitch, titles, depths, False) for stitch in stitches}
    often = Counter(brief.values())
    words = {
        stitch.name: brief[stitch.name]
        if often[brief[stitch.name]] == 1
        else _words(stitch, titles, depths, True)
        for stitch in stitches
    }
    often = Counter(words.values())
    return {name: text if often[text] == 1 else f"{text} ({name})" for name, text in words.items()}


def _words(stitch: Stitch, titles: Sequence[str], depths: Sequence[int], is_long: bool) -> str:
    first, *others = stitch.legs
    end = f", at {stitch.image_size} px"
    if not others:
        return f"{titles[first.anchor]}, whole{end}"
    before, words = first, titles[first.anchor]
    for leg in others:
        after = f" after {_block(before)}" if is_long else ""
        words += f", then{after} {_entered(leg, titles, depths)}"
        before = leg
    return words + end


def _block(leg: Leg) -> str:
    return f"block {leg.stop}" if leg.stop > 0 else "the stem"


def _entered(leg: Leg, titles: Sequence[str], depths: Sequence[int]) -> str:
    title = titles[leg.anchor]
    return f"{title}'s head" if leg.start == depths[leg.anchor] else f"{title} from block {leg.start + 1} on"
