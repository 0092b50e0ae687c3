import pytest

from snnet.stitches import Joint, Leg, Part, at_sizes, block_label, joined, nearest_joints, whole

LITE = [(1, 2, 2, 3, 3, 4, 1), (1, 3, 3, 4, 4, 5, 1), (1, 3, 3, 4, 4, 5, 1)]  # blocks in each stage
NAMES = ["lite0", "lite1", "lite2"]


def by_stage(point: int, depths: tuple[int, ...]) -> tuple[int, int]:
    """(stage, blocks of it that have run) for a joint: at a stage's end, that stage."""
    for stage, depth in enumerate(depths):
        if point <= depth:
            return stage, point
        point -= depth
    raise AssertionError(point)


@pytest.mark.parametrize(("front", "back", "count"), [(0, 1, 19), (1, 2, 19)])
def test_every_depth_of_every_inner_stage_has_a_joint(front, back, count):
    joints = list(nearest_joints(front, back, LITE))
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
    assert all(joint.leave == joint.enter for joint in nearest_joints(1, 2, LITE))


def test_a_deeper_front_mirrors_a_deeper_back():
    there = {(joint.leave, joint.enter) for joint in nearest_joints(0, 1, LITE)}
    back = {(joint.enter, joint.leave) for joint in nearest_joints(1, 0, LITE)}
    assert there == back


def test_the_end_of_the_last_stage_adds_nothing():
    assert [(j.leave, j.enter) for j in nearest_joints(0, 1, [(3,), (3,)])] == [(1, 1), (2, 2)]


def test_different_numbers_of_stages_are_refused():
    with pytest.raises(ValueError, match="2 stages and anchor 1 has 3"):
        list(nearest_joints(0, 1, [(1, 2), (1, 2, 3)]))


def test_lite_has_the_ways_at_every_size_and_anchors_at_their_own():
    joints = [joint for pair in ((0, 1), (1, 2)) for joint in nearest_joints(*pair, LITE)]
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


def test_words_count_blocks_from_one():
    assert whole(1, NAMES, LITE, 240).describe(NAMES) == "lite1, whole · 240 px"
    words = joined([Joint(0, 15, 1, 20)], NAMES, LITE, 224).describe(NAMES)
    assert words == "lite0 blocks 1–15, lite1 block 21 · 224 px"


def test_labels():
    assert [block_label(index, (1, 2)) for index in range(4)] == ["0.0", "1.0", "1.1", "head"]
