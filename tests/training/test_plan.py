from collections import Counter
from itertools import groupby, pairwise
from math import cos, pi

import pytest

from snnet.photos.photo_set import open_photos
from snnet.training import optimiser
from snnet.training import plan as plans
from tests.networks import tiny
from tests.training.settings import recipe

PACES = ("step", "epoch", "late")


class TestPlan:
    def test_a_step_draws_one_stitch_and_every_process_the_same(self, photos):
        net = tiny()
        both = [plans.plan(net, photos, recipe(seed=3), processes) for processes in (1, 2)]
        drawn = [[plan.stitch(step).name for step in range(400)] for plan in both]
        assert drawn[0] == drawn[1]
        assert set(drawn[0]) == {s.name for s in net.stitches if s.image_size == 64}
        other = plans.plan(net, photos, recipe(seed=4))
        assert drawn[0] != [other.stitch(step).name for step in range(400)]

    def test_groups_of_gmacs_are_drawn_alike_however_many_stitches_they_have(self, photos):
        net = tiny()
        plan = plans.plan(net, photos, recipe(sampling="gmacs", groups=4))
        assert sorted(s.name for s in plan.stitches) == sorted(
            s.name for s in net.stitches if s.image_size == 64
        )
        gmacs = [[net.cost(stitch).gmacs for stitch in group] for group in plan.groups]
        assert all(max(low) < min(high) for low, high in pairwise(gmacs))
        width = (max(gmacs[-1]) - min(gmacs[0])) / 4
        assert all(max(group) - min(group) <= width * 1.001 for group in gmacs)
        of = {stitch: k for k, group in enumerate(plan.groups) for stitch in group}
        counts = [0] * len(plan.groups)
        for step in range(4000):
            counts[of[plan.stitch(step)]] += 1
        assert all(abs(count - 4000 / len(counts)) < 200 for count in counts)

    def test_an_epoch_takes_every_photo_once_and_shares_make_the_batch(self, photos):
        one = plans.plan(tiny(), photos, recipe(batch_size=6, mixup=0.0, cutmix=0.0))
        assert one.steps_an_epoch == 3
        for epoch in range(2):
            taken = [i for step in range(3) for _, i in one.samples(3 * epoch + step, 0)]
            assert sorted(taken) == list(range(18))
        two = plans.plan(tiny(), photos, recipe(batch_size=3, mixup=0.0, cutmix=0.0), processes=2)
        for step in range(6):
            assert two.samples(step, 0) + two.samples(step, 1) == one.samples(step, 0)

    def test_repeats_come_in_a_row_and_differ(self, photos):
        plan = plans.plan(tiny(), photos, recipe(batch_size=6, repeats=3))
        numbers, indices = zip(*plan.samples(0, 0), strict=True)
        assert len(set(numbers)) == 6
        assert indices[:3] == indices[:1] * 3

    def test_repeats_leave_an_epoch_as_long_and_take_a_third_of_the_photos(self, photos):
        plan = plans.plan(tiny(), photos, recipe(batch_size=6, repeats=3))
        assert plan.steps_an_epoch == 3
        for epoch in range(2):
            taken = Counter(i for step in range(3) for _, i in plan.samples(3 * epoch + step, 0))
            assert [*taken.values()] == [3] * 6

    def test_repeats_of_a_photo_go_to_different_processes(self, photos):
        one = plans.plan(tiny(), photos, recipe(batch_size=12, repeats=3))
        three = plans.plan(tiny(), photos, recipe(batch_size=4, repeats=3), processes=3)
        shares = [three.samples(0, rank) for rank in range(3)]
        assert all(len({i for _, i in share}) == 4 for share in shares)
        assert sorted(row for share in shares for row in share) == sorted(one.samples(0, 0))

    def test_each_process_may_draw_its_own_stitch(self, photos):
        plan = plans.plan(tiny(), photos, recipe(draw_by="process"), processes=2)
        alone = plans.plan(tiny(), photos, recipe())
        first, second = ([plan.stitch(step, rank) for step in range(100)] for rank in range(2))
        assert first == [alone.stitch(step, 1) for step in range(100)]
        assert second != first
        assert {*second} == {*first} == {*plan.stitches}

    def test_a_group_begins_so_many_gmacs_above_the_first_of_the_one_before(self, photos):
        net = tiny()
        costs = sorted({net.cost(s).gmacs for s in plans.plan(net, photos, recipe()).stitches})
        gap = (costs[-1] - costs[0]) / 5
        plan = plans.plan(net, photos, recipe(sampling="gmacs", group_gmacs=gap))
        groups = [sorted(net.cost(stitch).gmacs for stitch in group) for group in plan.groups]
        assert all(group[-1] - group[0] <= gap for group in groups)
        assert all(back[0] - front[0] > gap for front, back in pairwise(groups))
        assert sum(map(len, groups)) == len(plan.stitches)

    def test_fewer_photos_than_a_batch_come_round_again(self, photos):
        plan = plans.plan(tiny(), photos.sample(3), recipe(batch_size=8))
        assert {i for _, i in plan.samples(0, 0)} == {0, 1, 2}

    def test_a_row_group_that_is_fetched_is_used_up_before_the_next(self, photos):
        fetched = (0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3)
        plan = plans.Plan(recipe(batch_size=4), (tuple(tiny().stitches),), len(fetched), 1, fetched)
        orders = [[i for step in range(3 * e, 3 * e + 3) for _, i in plan.samples(step, 0)] for e in range(5)]
        for order in orders:
            assert sorted(order) == list(range(12))
            assert all(b > a for a, b in pairwise(order) if fetched[a] == fetched[b])
            assert len([*groupby(fetched[i] for i in order)]) == 4
        assert len({*map(tuple, orders)}) > 1

    def test_frozen_anchors_alone_are_not_drawn(self, photos):
        plan = plans.plan(tiny(), photos, recipe(anchor_lr=0.0))
        assert not any(stitch.is_anchor for stitch in plan.stitches)

    def test_several_stitches_a_step_differ_and_have_one_size(self, photos):
        for sampling in ("uniform", "gmacs"):
            plan = plans.plan(tiny(), photos, recipe(draws=4, image_size=-1, sampling=sampling))
            assert plan.stitches_at(7)[0] == plan.stitch(7)
            for step in range(30):
                drawn = plan.stitches_at(step)
                assert len({*drawn}) == 4
                assert len({stitch.image_size for stitch in drawn}) == 1
        every = plans.plan(tiny(), photos, recipe(draws=1000))
        assert {*every.stitches_at(0)} == {*every.stitches}

    def test_all_sizes_or_one(self, photos):
        sizes = {s.image_size for s in plans.plan(tiny(), photos, recipe(image_size=-1)).stitches}
        assert sizes == {64, 48}
        with pytest.raises(plans.TrainingError, match="image size 50: tiny has stitches at 48, 64 px"):
            plans.plan(tiny(), photos, recipe(image_size=50))

    def test_labels_are_needed_unless_the_teacher_alone_speaks(self, place):
        flat = open_photos([str(file) for file in sorted(place.glob("*/*.png"))])
        with pytest.raises(plans.TrainingError, match=r"18 photos have no label: .* --alpha 1"):
            plans.plan(tiny(), flat, recipe())
        assert plans.plan(tiny(), flat, recipe(alpha=1.0)).photos == 18

    def test_mixing_needs_pairs(self, photos):
        with pytest.raises(plans.TrainingError, match="batch size 5 is odd"):
            plans.plan(tiny(), photos, recipe(batch_size=5))

    def test_learning_rates_rise_and_fall(self, photos):
        plan = plans.plan(tiny(), photos, recipe(steps=100, warmup_epochs=5, warmup_lr=1e-7, min_lr=1e-6))
        rates = [optimiser.learning_rates(plan)(step) for step in range(100)]
        peak = plan.warmup_steps
        assert rates[0] == pytest.approx(1e-7)
        assert max(rates) == pytest.approx(rates[peak], rel=0.1)
        assert rates[:peak] == sorted(rates[:peak])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)

    def test_learning_rates_go_with_the_batch_where_the_recipe_says_so(self, photos):
        for scaling, expected in (
            ("none", (0.1, 0.01, 0.02)),
            ("lr", (0.2, 0.01, 0.02)),
            ("all", (0.2, 0.02, 0.04)),
        ):
            settings = recipe(
                lr=0.1, warmup_lr=0.01, min_lr=0.02, lr_scaling=scaling, lr_batch=4, batch_size=4
            )
            plan = plans.plan(tiny(), photos, settings, processes=2)
            assert plan.rates == pytest.approx(expected)
            assert optimiser.learning_rates(plan)(0) == pytest.approx(expected[0])

    def test_warm_up_takes_the_schedules_beginning_or_comes_before_it(self, photos):
        settings = recipe(steps=80, warmup_epochs=10, lr=1.0, warmup_lr=0.0, min_lr=0.0)
        for place, length, begin in (("within", 80, 0), ("before", 40, 40)):
            plan = plans.plan(tiny(), photos, settings.with_settings({"warmup_place": place}))
            assert plan.warmup_steps == 40
            rate = optimiser.learning_rates(plan)
            assert rate(20) == pytest.approx(0.5)
            assert rate(60) == pytest.approx((1 + cos(pi * (60 - begin) / length)) / 2)

    def test_the_rate_changes_each_step_or_each_epoch_or_an_epoch_late(self, photos):
        settings = recipe(steps=0, epochs=12, warmup_epochs=2, batch_size=6)  # of 3 steps
        plan = {pace: plans.plan(tiny(), photos, settings.with_settings({"pace": pace})) for pace in PACES}
        rates = {pace: [*map(optimiser.learning_rates(plan[pace]), range(36))] for pace in PACES}
        assert len({*rates["step"]}) > 30
        for epoch in range(12):
            assert rates["epoch"][3 * epoch : 3 * epoch + 3] == [rates["step"][3 * epoch]] * 3
        assert rates["late"] == rates["epoch"][:3] + rates["epoch"][:-3]

    def test_a_short_runs_rate_changes_each_step_whatever_its_recipe_says(self, photos):
        short = plans.plan(tiny(), photos, recipe(steps=0, epochs=9, pace="late", batch_size=6))
        assert [short.time(step) for step in range(27)] == [*range(27)]
