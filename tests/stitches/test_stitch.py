from itertools import pairwise

import pytest

from snnet.stitches.enumerations import (
    at_sizes,
    nearest_joints,
    paired_joints,
    thinned,
    two_way_routes,
    unpaired_joints,
)
from snnet.stitches.sections import Section, grid_sections, stage_sections
from snnet.stitches.stitch import Joint, Leg, Part, block_label, joined

LITE = [(1, 2, 2, 3, 3, 4, 1), (1, 3, 3, 4, 4, 5, 1), (1, 3, 3, 4, 4, 5, 1)]  # blocks in each stage
NAMES = ["lite0", "lite1", "lite2"]


def lite_joints(front: int, back: int) -> list[Joint]:
    return list(nearest_joints(front, back, stage_sections(LITE[front], LITE[back])))


def by_stage(point: int, depths: tuple[int, ...]) -> tuple[int, int]:
    """(stage, blocks of it that have run) for a joint: at a stage's end, that stage."""
    for stage, depth in enumerate(depths):
        if point <= depth:
            return stage, point
        point -= depth
    raise AssertionError(point)


@pytest.mark.parametrize(("front", "back", "count"), [(0, 1, 19), (1, 2, 19)])
def test_every_depth_of_every_inner_stage_has_a_joint(front, back, count):
    joints = list(lite_joints(front, back))
    assert len(joints) == len(set(joints)) == count
    left = [by_stage(joint.leave, LITE[front]) for joint in joints]
    entered = [by_stage(joint.enter, LITE[back]) for joint in joints]
    assert [stage for stage, _ in left] == [stage for stage, _ in entered]
    inner = range(1, 6)
    assert set(left) == {(s, depth) for s in inner for depth in range(1, LITE[front][s] + 1)}
    assert set(entered) == {(s, depth) for s in inner for depth in range(1, LITE[back][s] + 1)}
    for (stage, a), (_, b) in zip(left, entered, strict=True):
        assert abs(a / LITE[front][stage] - b / LITE[back][stage]) <= 0.5 / min(
            LITE[front][stage], LITE[back][stage]
        )


def test_equal_stages_meet_block_by_block():
    assert all(joint.leave == joint.enter for joint in lite_joints(1, 2))


def test_a_deeper_front_mirrors_a_deeper_back():
    there = {(joint.leave, joint.enter) for joint in lite_joints(0, 1)}
    back = {(joint.enter, joint.leave) for joint in lite_joints(1, 0)}
    assert there == back


def test_the_end_of_the_last_stage_adds_nothing():
    assert [(j.leave, j.enter) for j in nearest_joints(0, 1, stage_sections((3,), (3,)))] == [(1, 1), (2, 2)]


def test_different_numbers_of_stages_are_refused():
    with pytest.raises(ValueError, match="2 stages and the back has 3"):
        stage_sections((1, 2), (1, 2, 3))


def test_lite_has_the_ways_at_every_size_and_anchors_at_their_own():
    joints = [joint for pair in ((0, 1), (1, 2)) for joint in lite_joints(*pair)]
    stitches = at_sizes(NAMES, LITE, joints, (224, 192), (224, 240, 260))
    assert len(stitches) == 2 * (3 + 38) + 2
    assert len({stitch.name for stitch in stitches}) == len(stitches)
    assert [stitch.name for stitch in stitches[:3]] == ["lite0@224", "lite1@224", "lite2@224"]
    assert all(stitch.image_size == 224 for stitch in stitches[:41])
    assert [stitch.name for stitch in stitches[-2:]] == ["lite1@240", "lite2@260"]


def test_parts_are_one_unbroken_way():
    stitch = joined([Joint(0, 6, 1, 9)], NAMES, LITE, 224)
    assert stitch.name == "lite0.3.0~lite1.3.2@224"
    assert stitch.legs == (Leg(0, 0, 6), Leg(1, 9, 21))
    assert stitch.parts[0] == Part("stem", 0)
    assert stitch.parts[1:7] == tuple(Part("block", 0, index) for index in range(6))
    assert stitch.parts[7] == Part("layer", layer=stitch.layers[0])
    assert stitch.parts[8:-1] == tuple(Part("block", 1, index) for index in range(9, 21))
    assert stitch.parts[-1] == Part("head", 1)
    assert stitch.joints == (Joint(0, 6, 1, 9),)


def test_ways_over_three_anchors_and_back_are_stitches_too():
    there = joined([Joint(0, 3, 1, 5), Joint(1, 8, 2, 8)], NAMES, LITE, 224)
    assert there.name == "lite0.1.1~lite1.2.1-3.0~lite2.3.1@224"
    back = joined([Joint(0, 3, 1, 5), Joint(1, 8, 0, 6)], NAMES, LITE, 224, layers=["up", "down"])
    assert back.anchors == (0, 1, 0)
    assert [part.layer for part in back.parts if part.kind == "layer"] == ["up", "down"]


def test_labels():
    assert [block_label(index, (1, 2)) for index in range(4)] == ["0.0", "1.0", "1.1", "head"]


def cuts(joints):
    """(last block before, first block after) of each joint."""
    return [(joint.leave - 1, joint.enter) for joint in joints]


PLAIN = [Section(0, 12, 0, 12, is_open=True)]  # two transformers of 12 blocks


def test_paired_stitching_of_equal_depths_is_the_sliding_window():
    windows = list(paired_joints(0, 1, PLAIN, kernel=2, stride=1))
    assert len(windows) == 11
    assert cuts(windows[0]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert cuts(windows[1]) == [(1, 2), (2, 1), (2, 2)]
    # DeiT-Ti/S/B with a window of 2: 3 anchors and 2 × 34 stitches make 71
    assert 3 + 2 * sum(map(len, windows)) == 71
    assert sum(map(len, paired_joints(0, 1, PLAIN, kernel=1))) == 12
    assert [cuts(w)[0] for w in paired_joints(0, 1, PLAIN, kernel=2, stride=2)] == [
        (k, k) for k in range(0, 12, 2)
    ]


def test_paired_stitching_never_enters_before_a_step_down():
    closed = [Section(2, 4, 2, 4)]
    assert [cuts(w) for w in paired_joints(0, 1, closed)] == [[(2, 3), (3, 3)]]


def test_paired_stitching_of_unequal_depths_joins_blocks_of_equal_share():
    windows = list(paired_joints(0, 1, [Section(0, 3, 0, 6, is_open=True)], kernel=1))
    assert [cuts(w) for w in windows] == [[(k, 2 * k), (k, 2 * k + 1)] for k in range(3)]


@pytest.mark.parametrize("wrong", [{"kernel": 0}, {"stride": 0}])
def test_a_window_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        list(paired_joints(0, 1, PLAIN, **wrong))


def test_unpaired_stitching_is_the_authors():
    shared = list(unpaired_joints(0, 1, [Section(4, 10, 4, 22)]))
    assert [len(joints) for joints in shared] == [3, 3, 3, 3, 3, 2]
    assert [(j.leave - 4 - 1, j.enter - 4) for j in shared[1]] == [(1, 4), (1, 5), (2, 6)]
    equal = list(unpaired_joints(0, 1, [Section(0, 4, 0, 4)]))
    assert [cuts(joints) for joints in equal] == [[(0, 1)], [(1, 2)], [(2, 3)]]


@pytest.mark.parametrize(("deep", "rows"), [(12, 134), (24, 134)])
def test_two_way_stitching_counts(deep, rows):
    routes = two_way_routes(0, 1, stage_sections((12,), (deep,)))
    assert 2 + len(routes) == rows == 2 + 11 + 11 + 55 + 55
    assert len(set(routes)) == len(routes)
    for route in routes:
        for a, b in pairwise(route):
            assert (a.back, a.enter) < (b.front, b.leave)


def test_two_way_stitching_of_unequal_depths_meets_at_equal_shares():
    routes = two_way_routes(0, 1, stage_sections((12,), (24,)))
    assert [cuts(route) for route in routes[:2]] == [[(0, 2)], [(1, 4)]]
    assert cuts(routes[11]) == [(1, 1)]
    assert cuts(routes[22]) == [(1, 1), (1, 4)]
    assert cuts(routes[-1]) == [(9, 20), (21, 11)]


def test_anchors_of_other_stages_meet_where_resolutions_agree():
    resnet = [56, 56, 56, 28, 28, 14, 14, 7, 7]  # before block 0, 1, … and after the last
    vit = [14] * 13
    assert grid_sections(resnet, vit) == [Section(4, 6, 0, 12, is_open=True, back_ends=True)]
    assert grid_sections(vit, resnet) == [Section(0, 12, 4, 6, front_ends=True)]
    assert grid_sections(resnet, [8, 8, 8]) == []
    assert grid_sections(resnet, resnet) == [
        Section(0, 2, 0, 2, is_open=True),
        *(Section(k, k + 2, k, k + 2) for k in (2, 4)),
        Section(6, 8, 6, 8, front_ends=True, back_ends=True),
    ]


def test_an_anchor_that_ends_at_a_resolution_goes_on_in_one_that_does_not():
    resnet, vit = [56, 56, 56, 28, 28, 14, 14, 7, 7], [14] * 13
    joints = list(nearest_joints(0, 1, grid_sections(vit, resnet)))
    assert (joints[-1].leave, joints[-1].enter) == (12, 6)  # all of the transformer, then the last stage
    back = list(nearest_joints(0, 1, grid_sections(resnet, vit)))
    assert (
        max(joint.enter for joint in back) < 12
    )  # a transformer of which only the head is left adds nothing


def test_single_blocks_are_joined_where_stages_end():
    joints = list(nearest_joints(0, 1, stage_sections((1, 1, 1, 1), (1, 1, 1, 1))))
    assert [(joint.leave, joint.enter) for joint in joints] == [(2, 2), (3, 3)]


def test_thinning_keeps_the_ends_and_spreads_the_rest():
    assert thinned([1, 2, 3, 4, 5, 6, 7, 8, 9], 3) == [0, 4, 8]
    assert thinned([3, 1, 2], 5) == [0, 1, 2]
    assert len(thinned([1.0] * 10, 4)) == 4
    with pytest.raises(ValueError, match="at least 1"):
        thinned([1], 0)
