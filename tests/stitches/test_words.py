"""Stitches in words."""

import pytest

import snnet
from snnet.catalogue import published
from snnet.stitches.stitch import Leg, Stitch
from snnet.stitches.words import in_words

TITLES, DEPTHS = ("Small", "Large"), (4, 6)


def stitch(name, *legs, layers=None, size=224):
    return Stitch(name, tuple(Leg(*leg) for leg in legs), layers or ("x",) * (len(legs) - 1), size)


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ([(0, 0, 4)], "Small, whole, at 224 px"),
        ([(0, 0, 2), (1, 3, 6)], "Small, then Large from block 4 on, at 224 px"),
        ([(0, 0, 4), (1, 6, 6)], "Small, then Large's head, at 224 px"),
        (
            [(0, 0, 1), (1, 2, 4), (0, 3, 4)],
            "Small, then Large from block 3 on, then Small from block 4 on, at 224 px",
        ),
    ],
)
def test_a_stitch_in_words(legs, words):
    assert in_words([stitch("one", *legs)], TITLES, DEPTHS) == {"one": words}


def test_where_it_is_left_is_said_where_two_would_be_alike():
    stitches = [stitch(f"s{stop}", (0, 0, stop), (1, 3, 6)) for stop in (0, 1, 2)]
    stitches.append(stitch("other", (0, 0, 2), (1, 4, 6)))
    assert list(in_words(stitches, TITLES, DEPTHS).values()) == [
        "Small, then after the stem Large from block 4 on, at 224 px",
        "Small, then after block 1 Large from block 4 on, at 224 px",
        "Small, then after block 2 Large from block 4 on, at 224 px",
        "Small, then Large from block 5 on, at 224 px",
    ]


def test_stitches_that_differ_by_their_layers_alone_keep_their_names():
    legs = [(0, 0, 2), (1, 3, 6)]
    words = in_words([stitch("a", *legs, layers=("x",)), stitch("b", *legs, layers=("y",))], TITLES, DEPTHS)
    assert words["a"].endswith("(a)")
    assert words["b"].endswith("(b)")


@pytest.mark.parametrize("name", ["lite", *published.families()])
def test_no_two_of_a_network_are_alike(name):
    net = published.outline(name) if name in published.families() else snnet.load(name)
    assert len(set(net.words.values())) == len(net.stitches)
    assert not any(stitch.name in net.words[stitch.name] for stitch in net.stitches)
    titles = [anchor.title for anchor in net.anchors]
    assert all(net.words[stitch.name].startswith(titles[stitch.anchors[0]]) for stitch in net.stitches)
