import copy
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from itertools import groupby, pairwise
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from snnet.catalogue import saved
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.commands import main
from snnet.photos.photo_set import open_photos
from snnet.training import log as training_log
from snnet.training import recipes
from snnet.training import run as train
from snnet.training.recipes import RECIPES, Recipe
from tests.network.test_own_norms import with_norms
from tests.networks import tiny

SYNSETS = ("n01440764", "n01443537", "n01484850")  # classes 0, 1 and 2
PLAIN = {  # quick, and nothing drawn at random but what a test is about
    "steps": 6,
    "batch_size": 4,
    "teacher": "largest",
    "distillation": "soft",
    "alpha": 0.5,
    "lr": 1e-3,
    "warmup_epochs": 0,
    "ema": 0.0,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for synset in SYNSETS:
        (place / synset).mkdir()
        for number in range(6):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(place / synset / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def photos(place):
    return open_photos(place)


def recipe(**settings) -> Recipe:
    return Recipe(**PLAIN | settings)


def equal(one, other) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestRecipes:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"lr": -1.0}, "lr -1.0 is below 0"),
            ({"batch_size": 0}, "batch_size 0 is below 1"),
            ({"alpha": 1.5}, "alpha 1.5 is outside 0 to 1"),
            ({"sampling": "evenly"}, "sampling 'evenly' is none of uniform, gmacs"),
            ({"precision": "int8"}, "precision 'int8' is none of float32"),
            ({"epochs": 0, "steps": 0}, "neither epochs nor steps"),
            ({"distillation": "none", "alpha": 1.0}, "nothing to learn from"),
            ({"lr": "high"}, "lr 'high' is not a number"),
        ],
    )
    def test_what_makes_no_run_is_refused(self, settings, words):
        with pytest.raises(ValueError, match=words):
            recipe(**settings)

    def test_an_unknown_setting_is_named(self):
        with pytest.raises(ValueError, match="no setting 'learning_rate': a recipe has epochs, "):
            Recipe().with_settings({"learning_rate": 1.0})

    @pytest.mark.parametrize("name", RECIPES)
    def test_the_authors_recipes_are_of_networks_and_of_things_timm_has(self, name):
        from timm.optim import create_optimizer_v2

        from snnet.catalogue import entries
        from snnet.photos.transform import Transform

        known = RECIPES[name]
        assert entries.entry(name).name == name
        assert f"-m snnet train {name} " in known.command
        assert known.score in known.describe()
        assert train._augmentation(known.recipe, Transform(image_size=32))(Image.new("RGB", (40, 50))).shape[
            1:
        ] == (
            32,
            32,
        )
        create_optimizer_v2([torch.nn.Parameter(torch.zeros(2))], known.recipe.optimizer, lr=1.0)

    def test_every_setting_says_what_it_is(self):
        assert all(setting.metadata["help"] for setting in fields(Recipe))


class TestPlan:
    def test_a_step_draws_one_stitch_and_every_process_the_same(self, photos):
        net = tiny()
        plans = [train.plan(net, photos, recipe(seed=3), processes) for processes in (1, 2)]
        drawn = [[plan.stitch(step).name for step in range(400)] for plan in plans]
        assert drawn[0] == drawn[1]
        assert set(drawn[0]) == {s.name for s in net.stitches if s.image_size == 64}
        other = train.plan(net, photos, recipe(seed=4))
        assert drawn[0] != [other.stitch(step).name for step in range(400)]

    def test_groups_of_gmacs_are_drawn_alike_however_many_stitches_they_have(self, photos):
        net = tiny()
        plan = train.plan(net, photos, recipe(sampling="gmacs", groups=4))
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
        one = train.plan(tiny(), photos, recipe(batch_size=6, mixup=0.0, cutmix=0.0))
        assert one.steps_an_epoch == 3
        for epoch in range(2):
            taken = [i for step in range(3) for _, i in one.samples(3 * epoch + step, 0)]
            assert sorted(taken) == list(range(18))
        two = train.plan(tiny(), photos, recipe(batch_size=3, mixup=0.0, cutmix=0.0), processes=2)
        for step in range(6):
            assert two.samples(step, 0) + two.samples(step, 1) == one.samples(step, 0)

    def test_repeats_come_in_a_row_and_differ(self, photos):
        plan = train.plan(tiny(), photos, recipe(batch_size=6, repeats=3))
        numbers, indices = zip(*plan.samples(0, 0), strict=True)
        assert len(set(numbers)) == 6
        assert indices[:3] == indices[:1] * 3
        assert plan.steps_an_epoch == 9

    def test_fewer_photos_than_a_batch_come_round_again(self, photos):
        plan = train.plan(tiny(), photos.sample(3), recipe(batch_size=8))
        assert {i for _, i in plan.samples(0, 0)} == {0, 1, 2}

    def test_a_row_group_that_is_fetched_is_used_up_before_the_next(self, photos):
        fetched = (0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3)
        plan = train.Plan(recipe(batch_size=4), (tuple(tiny().stitches),), len(fetched), 1, fetched)
        orders = [[i for step in range(3 * e, 3 * e + 3) for _, i in plan.samples(step, 0)] for e in range(5)]
        for order in orders:
            assert sorted(order) == list(range(12))
            assert all(b > a for a, b in pairwise(order) if fetched[a] == fetched[b])
            assert len([*groupby(fetched[i] for i in order)]) == 4
        assert len({*map(tuple, orders)}) > 1

    def test_frozen_anchors_alone_are_not_drawn(self, photos):
        plan = train.plan(tiny(), photos, recipe(anchor_lr=0.0))
        assert not any(stitch.is_anchor for stitch in plan.stitches)

    def test_several_stitches_a_step_differ_and_have_one_size(self, photos):
        for sampling in ("uniform", "gmacs"):
            plan = train.plan(tiny(), photos, recipe(draws=4, image_size=-1, sampling=sampling))
            assert plan.drawn(7)[0] == plan.stitch(7)
            for step in range(30):
                drawn = plan.drawn(step)
                assert len({*drawn}) == 4
                assert len({stitch.image_size for stitch in drawn}) == 1
        every = train.plan(tiny(), photos, recipe(draws=1000))
        assert {*every.drawn(0)} == {*every.stitches}

    def test_all_sizes_or_one(self, photos):
        sizes = {s.image_size for s in train.plan(tiny(), photos, recipe(image_size=-1)).stitches}
        assert sizes == {64, 48}
        with pytest.raises(train.TrainingError, match="image size 50: tiny has stitches at 48, 64 px"):
            train.plan(tiny(), photos, recipe(image_size=50))

    def test_labels_are_needed_unless_the_teacher_alone_speaks(self, place):
        flat = open_photos([str(file) for file in sorted(place.glob("*/*.png"))])
        with pytest.raises(train.TrainingError, match=r"18 photos have no label; .* alpha 1"):
            train.plan(tiny(), flat, recipe())
        assert train.plan(tiny(), flat, recipe(alpha=1.0)).photos == 18

    def test_mixing_needs_pairs(self, photos):
        with pytest.raises(train.TrainingError, match="batch size 5 is odd"):
            train.plan(tiny(), photos, recipe(batch_size=5))

    def test_learning_rates_rise_and_fall(self, photos):
        plan = train.plan(tiny(), photos, recipe(steps=100, warmup_epochs=5, warmup_lr=1e-7, min_lr=1e-6))
        rates = [train.learning_rates(plan)(step) for step in range(100)]
        peak = plan.warmup_steps
        assert rates[0] == pytest.approx(1e-7)
        assert max(rates) == pytest.approx(rates[peak], rel=0.1)
        assert rates[:peak] == sorted(rates[:peak])
        assert rates[peak:] == sorted(rates[peak:], reverse=True)


class TestLoss:
    logits = torch.randn(5, 10, generator=torch.Generator().manual_seed(0))
    said = torch.randn(5, 10, generator=torch.Generator().manual_seed(1)).log_softmax(1)
    labels = torch.tensor([0, 3, 9, 1, 1])

    def test_labels_alone(self):
        found = train.loss_of(
            self.logits, None, self.labels, recipe(distillation="none", alpha=0.0, smoothing=0.1)
        )
        assert found == F.cross_entropy(self.logits, self.labels, label_smoothing=0.1)

    def test_hard(self):
        found = train.loss_of(self.logits, self.said, self.labels, recipe(distillation="hard", smoothing=0.0))
        parts = F.cross_entropy(self.logits, self.labels), F.cross_entropy(self.logits, self.said.argmax(1))
        assert found == pytest.approx(float(sum(parts) / 2))

    def test_soft_at_a_temperature(self):
        settings = recipe(alpha=1.0, temperature=2.0)
        said = (self.said / 2).log_softmax(1)
        found = train.loss_of(self.logits, said, None, settings)
        ours = (self.logits / 2).softmax(1)
        assert found == pytest.approx(float(4 * (said.exp() * (said - ours.log())).sum() / 5), rel=1e-5)

    def test_nothing_to_learn_where_the_student_is_the_teacher(self):
        assert train.loss_of(self.said, self.said, None, recipe(alpha=1.0)) == pytest.approx(0, abs=1e-6)


class TestTeacher:
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    def test_the_largest_anchor_and_the_mean_of_all(self):
        net = tiny()
        each = [a.model(self.images).softmax(1) for a in net.anchors]
        largest = train.Teacher(net, recipe(teacher="largest"))(self.images, 1.0)
        assert torch.allclose(largest.exp(), each[1], atol=1e-6)
        mean = train.Teacher(net, recipe(teacher="anchors"))(self.images, 1.0)
        assert torch.allclose(mean.exp(), (each[0] + each[1]) / 2, atol=1e-6)

    def test_anchors_that_move_leave_their_teacher_behind(self):
        net = tiny()
        teacher = train.Teacher(net, recipe())
        before = teacher(self.images, 1.0)
        with torch.no_grad():
            for p in net.parameters():
                p.mul_(1.1)
        assert torch.equal(teacher(self.images, 1.0), before)

    def test_another_model_sees_photos_as_it_was_made_for(self, monkeypatch):
        import timm

        from snnet.weights import originals

        torch.manual_seed(0)
        model = timm.create_model("test_efficientnet", pretrained=False, num_classes=10).eval()
        monkeypatch.setattr(originals, "timm_model", lambda *args, **kwargs: model)
        net = tiny()
        pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        ours = net.transform(net.stitches[0])
        theirs = model.default_cfg

        def normalised(mean, std):
            return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)

        said = train.Teacher(net, recipe(teacher="other"))(normalised(ours.mean, ours.std), 1.0)
        with torch.no_grad():
            expected = model(normalised(theirs["mean"], theirs["std"])).log_softmax(1)
        assert torch.allclose(said, expected, atol=1e-4)
        model.num_classes = 11
        with pytest.raises(train.TrainingError, match="the teacher other has 11 classes and tiny 10"):
            train.Teacher(net, recipe(teacher="other"))


class TestSteps:
    def test_what_the_stitch_does_not_use_neither_moves_nor_decays(self, photos, tmp_path):
        net = tiny()
        before = copy.deepcopy(net.state_dict())
        settings = recipe(steps=1, weight_decay=0.5, lr=0.1)
        stitch = train.plan(net, photos, settings).stitch(0)
        train.train(net, photos, settings, tmp_path, workers=0)
        used = {id(t) for part in net.parts(stitch) for t in net.tensors(part).values()}
        moved = 0
        for name, tensor in net.state_dict(keep_vars=True).items():
            if id(tensor) not in used:
                assert torch.equal(tensor, before[name]), name
            elif isinstance(tensor, torch.nn.Parameter):
                moved += not torch.equal(tensor, before[name])
        assert moved > 10

    @pytest.mark.parametrize("make", [tiny, pytest.param(with_norms, marks=pytest.mark.slow)])
    def test_several_stitches_a_step_learn_as_each_would_alone(self, photos, tmp_path, make):
        settings = recipe(
            steps=1, anchor_lr=0.0, optimizer="momentum", momentum=0.0, weight_decay=0.0, lr=0.1
        )
        net, alone = make(), make()
        drawn = train.plan(net, photos, settings.with_settings({"draws": 3})).drawn(0)
        train.train(net, photos, settings.with_settings({"draws": 3, "lr": 0.3}), tmp_path / "3", workers=0)
        row = training_log.read(tmp_path / "3")[0]
        assert row["stitch"] == " ".join(stitch.name for stitch in drawn)
        losses = []
        for stitch in drawn:  # frozen anchors: what a stitch trains is its own
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(train.Plan, "drawn", lambda plan, step, one=stitch: (one,))
                train.train(alone, photos, settings, tmp_path / stitch.name, workers=0)
            losses.append(float(training_log.read(tmp_path / stitch.name)[0]["loss"]))
        assert float(row["loss"]) == pytest.approx(sum(losses) / 3, rel=1e-4)
        for name, tensor in net.state_dict().items():
            assert torch.allclose(tensor, alone.state_dict()[name], rtol=1e-4, atol=1e-5), name

    @pytest.mark.parametrize("make", [tiny, with_norms])
    def test_frozen_anchors_keep_every_bit(self, photos, tmp_path, make):
        net = make()
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(anchor_lr=0.0, steps=8), tmp_path, workers=0)
        after = net.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed
        assert all(name.startswith(("layers.", "norms.")) for name in changed)
        assert any(name.startswith("norms.") for name in changed) == (make is with_norms)

    def test_anchors_move_by_their_share_of_the_rate(self, photos, tmp_path):
        net = tiny()
        groups = train.parameter_groups(net, recipe(anchor_lr=0.1))
        anchors = {id(p) for p in net.anchors.parameters()}
        for group in groups:
            assert {id(p) in anchors for p in group["params"]} == {group["lr_scale"] == 0.1}
            assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] > 0}
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(steps=3), tmp_path, workers=0)
        moved = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
        assert any("running_mean" in name for name in moved)

    def test_the_base_of_a_low_rank_layer_stays(self, photos, tmp_path):
        from snnet.catalogue import build

        net = build.stitch(
            ["test_vit", "test_vit3"], data=photos, pretrained=False, low_rank=2, image_size=32
        )
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(anchor_lr=0.0, steps=8, lr=0.1), tmp_path, workers=0)
        changed = {name for name, t in net.state_dict().items() if not torch.equal(t, before[name])}
        assert any(name.endswith("lora_B") for name in changed)
        assert not any(name.endswith("weight") for name in changed)

    @pytest.mark.parametrize("precision", ["bfloat16", "float16"])
    def test_lower_precision_clipping_and_gmacs_groups(self, photos, tmp_path, precision):
        settings = recipe(precision=precision, clip=1.0, sampling="gmacs", image_size=-1, steps=4)
        net = train.train(tiny(), photos, settings, tmp_path, workers=0)
        assert all(torch.isfinite(t).all() for t in net.state_dict().values())
        norms = [float(row["gradient_norm"]) for row in training_log.read(tmp_path)]
        assert norms[-1] >= 0  # float16's scale is found on the first steps

    def test_learning_makes_the_loss_fall(self, photos, tmp_path):
        settings = recipe(
            steps=60, lr=3e-3, alpha=1.0, anchor_lr=0.0, mixup=0.0, cutmix=0.0, auto_augment="", erase=0.0
        )
        train.train(with_norms(), photos, settings, tmp_path, workers=0)
        loss = [float(row["loss"]) for row in training_log.read(tmp_path)]
        assert sum(loss[-15:]) < 0.8 * sum(loss[:15])

    def test_a_loss_that_is_not_finite_stops_with_step_and_stitch(self, photos, tmp_path):
        net = tiny()
        settings = recipe(anchor_lr=0.0)
        stitch = train.plan(net, photos, settings).stitch(2)
        with torch.no_grad():
            net.layers[stitch.layers[0]].bias.fill_(float("nan"))
        first = next(
            k for k in range(3) if stitch.layers == train.plan(net, photos, settings).stitch(k).layers
        )
        with pytest.raises(
            train.TrainingError, match=rf"loss is nan at step {first + 1} of 6, through .*{stitch.name}"
        ):
            train.train(net, photos, settings, tmp_path, workers=0)

    def test_a_broken_photo_is_named(self, place, tmp_path):
        import shutil

        shutil.copytree(place, tmp_path / "photos")
        (tmp_path / "photos" / SYNSETS[0] / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        with pytest.raises(ValueError, match=r"3\.png"):
            train.train(tiny(), open_photos(tmp_path / "photos"), recipe(), tmp_path / "run", workers=0)

    def test_the_callers_random_numbers_are_left_alone(self, photos, tmp_path):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        net = tiny()
        torch.manual_seed(5)
        train.train(net, photos, recipe(steps=2), tmp_path, workers=0)
        assert torch.equal(torch.rand(3), expected)


class Killed(Exception):
    pass


RESUMED = recipe(steps=7, ema=0.9, clip=1.0)


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """A run that nothing interrupted, and its folder."""
    out = tmp_path_factory.mktemp("whole")
    return train.train(tiny(), photos, RESUMED, out, workers=0), out


class TestResume:
    @pytest.mark.parametrize("at", [1, 3, 6])
    def test_a_run_that_was_killed_ends_with_equal_weights(self, photos, whole, tmp_path, monkeypatch, at):
        step = train.Run.step

        def dies(run, number, images, labels):
            if number == at:
                raise Killed
            return step(run, number, images, labels)

        with monkeypatch.context() as patch:
            patch.setattr(train.Run, "step", dies)
            with pytest.raises(Killed):
                train.train(tiny(), photos, RESUMED, tmp_path, workers=0, checkpoint_every_s=0)
        ran = []
        monkeypatch.setattr(
            train.Run, "step", lambda run, number, *args: (ran.append(number), step(run, number, *args))[1]
        )
        net = train.train(tiny(), photos, RESUMED, tmp_path, workers=0)
        assert ran == list(range(at, 7))
        assert equal(net, whole[0])
        columns = ("step", "stitch", "loss", "lr", "gradient_norm")
        logs = [[[row[c] for c in columns] for row in training_log.read(out)] for out in (tmp_path, whole[1])]
        assert logs[0] == logs[1]

    def test_steps_after_the_last_checkpoint_are_run_again(self, photos, whole, tmp_path, monkeypatch):
        save, step = train.Run._save_checkpoint, train.Run.step
        with monkeypatch.context() as patch:
            patch.setattr(
                train.Run, "_save_checkpoint", lambda run, done: save(run, done) if done == 2 else None
            )

            def dies(run, number, images, labels):
                if number == 5:
                    raise Killed
                return step(run, number, images, labels)

            patch.setattr(train.Run, "step", dies)
            with pytest.raises(Killed):
                train.train(tiny(), photos, RESUMED, tmp_path, workers=0, checkpoint_every_s=0)
        assert len(training_log.read(tmp_path)) == 5
        assert equal(train.train(tiny(), photos, RESUMED, tmp_path, workers=0), whole[0])
        assert [int(row["step"]) for row in training_log.read(tmp_path)] == list(range(1, 8))

    def test_a_finished_run_computes_nothing(self, photos, whole, monkeypatch):
        monkeypatch.setattr(train.Run, "step", None)
        assert equal(train.train(tiny(), photos, RESUMED, whole[1], workers=0), whole[0])

    def test_workers_change_nothing(self, photos, whole, tmp_path):
        assert equal(train.train(tiny(), photos, RESUMED, tmp_path, workers=1), whole[0])

    def test_the_result_is_a_network_in_a_folder(self, whole):
        net, out = whole
        back = StitchedNetwork.from_folder(out)
        assert equal(back, net)
        assert back.origin["recipe"]["seed"] == 0
        assert "7 steps of 4 photos" in back.origin["method"]

    def test_another_run_in_the_folder_is_refused(self, photos, whole):
        with pytest.raises(train.TrainingError, match=r"holds another run \(lr 0\.001 there, 0\.002 here\)"):
            train.train(tiny(), photos, recipe(steps=7, ema=0.9, clip=1.0, lr=2e-3), whole[1], workers=0)
        with pytest.raises(train.TrainingError, match="holds another run"):
            train.train(tiny(seed=1), photos, RESUMED, whole[1], workers=0)

    def test_a_damaged_checkpoint_is_named(self, photos, tmp_path):
        (tmp_path / train.CHECKPOINT).write_bytes(b"PK damaged")
        with pytest.raises(train.TrainingError, match=r"checkpoint\.pt can't be read"):
            train.train(tiny(), photos, RESUMED, tmp_path, workers=0)


ROOT = Path(__file__).parent.parent.parent


def command(*words: str, processes: int = 1) -> list[str]:
    launch = [sys.executable, "-m"]
    if processes > 1:
        launch += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    return [*launch, "snnet", "train", *words]


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"SNNET_HOME": str(home), "CUDA_VISIBLE_DEVICES": ""}


def options(**settings) -> list[str]:
    return [word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", str(value))]


def test_kill_9_and_the_same_command_again(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_HOME", str(tmp_path))
    tiny().save(tmp_path / "net")
    given = [
        str(tmp_path / "net"),
        "--data",
        str(place),
        *options(**PLAIN | {"steps": 40, "checkpoint_every": 0}),
    ]
    killed = [*given, "--out", str(tmp_path / "killed")]
    process = subprocess.Popen(
        command(*killed), cwd=ROOT, env=environment(tmp_path), stderr=subprocess.DEVNULL
    )
    log = tmp_path / "killed" / training_log.CSV
    give_up = time.monotonic() + 120
    while not (log.is_file() and len(log.read_text().splitlines()) > 6):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / saved.CONFIG).exists()
    for out in ("killed", "whole"):
        assert main.main(["train", *given, "--out", str(tmp_path / out)]) == 0
    killed, whole = (StitchedNetwork.from_folder(tmp_path / name) for name in ("killed", "whole"))
    assert equal(killed, whole)
    assert len(training_log.read(tmp_path / "killed")) == 40


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(place, tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_HOME", str(tmp_path))
    tiny().save(tmp_path / "net")
    # frozen anchors: batch norms in training would see other batches
    settings = PLAIN | {"anchor_lr": 0, "mixup": 0, "cutmix": 0, "optimizer": "sgd", "lr": 0.02}
    words = [str(tmp_path / "net"), "--data", str(place)]
    by2 = options(**settings | {"batch_size": 3, "out": tmp_path / "by2"})
    done = subprocess.run(
        command(*words, *by2, processes=2),
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (
        main.main(["train", *words, *options(**settings | {"batch_size": 6, "out": tmp_path / "by1"})]) == 0
    )
    one, two = (StitchedNetwork.from_folder(tmp_path / f"by{processes}") for processes in (1, 2))
    start = tiny().state_dict()
    moved = 0
    for name, tensor in one.state_dict().items():
        assert torch.allclose(tensor, two.state_dict()[name], rtol=1e-4, atol=1e-6), name
        moved += not torch.equal(tensor, start[name])
    assert moved
    logs = [training_log.read(tmp_path / f"by{processes}") for processes in (1, 2)]
    assert [row["stitch"] for row in logs[0]] == [row["stitch"] for row in logs[1]]
    assert [float(r["loss"]) for r in logs[0]] == pytest.approx([float(r["loss"]) for r in logs[1]], rel=1e-4)


class TestCommand:
    def test_a_dry_run_says_what_would_run_and_runs_nothing(self, place, tmp_path, capsys):
        tiny().save(tmp_path / "net")
        out = tmp_path / "out"
        words = [
            str(tmp_path / "net"),
            "--data",
            str(place),
            "--out",
            str(out),
            *options(**PLAIN),
            "--dry-run",
        ]
        assert main.main(["train", *words]) == 0
        said = capsys.readouterr().out
        assert "batch 4 = 4 × 1 processes" in said
        assert "steps     6, 4 an epoch" in said
        assert "0.001 at step 1" in said
        net = tiny()
        photos = open_photos(place)
        assert f"stitches  {train.plan(net, photos, recipe()).stitch(0).name}, " in said
        assert not out.exists()

    def test_the_log_is_drawn(self, place, tmp_path, capsys):
        tiny().save(tmp_path / "net")
        words = [
            str(tmp_path / "net"),
            "--data",
            str(place),
            "--out",
            str(tmp_path / "out"),
            *options(**PLAIN),
        ]
        assert main.main(["train", *words, "--plot", str(tmp_path / "log.html")]) == 0
        page = (tmp_path / "log.html").read_text()
        assert "running mean" in page
        assert list((tmp_path / "out" / training_log.EVENTS).iterdir())
        assert (
            json.loads((tmp_path / "out" / saved.CONFIG).read_text())["snnet"]["origin"]["recipe"]["steps"]
            == 6
        )

    def test_a_wrong_setting_is_one_line(self, place, tmp_path, capsys):
        tiny().save(tmp_path / "net")
        words = [str(tmp_path / "net"), "--data", str(place), "--out", str(tmp_path / "out"), "--alpha", "2"]
        assert main.main(["train", *words]) == 2
        assert capsys.readouterr().err == "snnet train: alpha 2.0 is outside 0 to 1\n"

    def test_recipes_module_imports_no_torch(self):
        code = "import sys, snnet.training.recipes; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
        assert recipes.RECIPES
