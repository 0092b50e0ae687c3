import copy
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from snnet.catalogue import saved
from snnet.catalogue.stitched_network import StitchedNetwork
from snnet.commands import main
from snnet.photos.broken import Remarks
from snnet.photos.decode import PhotoError
from snnet.photos.label_set import LabelSet, of_head
from snnet.photos.photo_set import open_photos
from snnet.training import log as training_log
from snnet.training import run as train
from snnet.training.checkpoint import CHECKPOINT
from snnet.training.optimiser import parameter_groups
from snnet.training.plan import Plan, TrainingError, plan
from snnet.training.run import TrainingOptions
from tests.network.test_own_norms import with_norms
from tests.networks import tiny
from tests.photos.sets import folder, parquet
from tests.training.settings import PLAIN, SYNSETS, recipe

ALONE = TrainingOptions(workers=0)


def equal(one, other) -> bool:
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


class TestSteps:
    def test_what_the_stitch_does_not_use_neither_moves_nor_decays(self, photos, tmp_path):
        net = tiny()
        before = copy.deepcopy(net.state_dict())
        settings = recipe(steps=1, weight_decay=0.5, lr=0.1)
        stitch = plan(net, photos, settings).stitch(0)
        train.train(net, photos, settings, tmp_path, ALONE)
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
        drawn = plan(net, photos, settings.with_settings({"draws": 3})).stitches_at(0)
        train.train(net, photos, settings.with_settings({"draws": 3, "lr": 0.3}), tmp_path / "3", ALONE)
        row = training_log.read(tmp_path / "3")[0]
        assert row["stitch"] == " ".join(stitch.name for stitch in drawn)
        losses = []
        for stitch in drawn:  # frozen anchors: what a stitch trains is its own
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Plan, "stitches_at", lambda plan, step, rank=0, one=stitch: (one,))
                train.train(alone, photos, settings, tmp_path / stitch.name, ALONE)
            losses.append(float(training_log.read(tmp_path / stitch.name)[0]["loss"]))
        assert float(row["loss"]) == pytest.approx(sum(losses) / 3, rel=1e-4)
        theirs = alone.state_dict()
        for name, tensor in net.state_dict().items():
            assert torch.allclose(tensor, theirs[name], rtol=1e-4, atol=1e-5), name

    @pytest.mark.parametrize("make", [tiny, with_norms])
    def test_frozen_anchors_keep_every_bit(self, photos, tmp_path, make):
        net = make()
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(anchor_lr=0.0, steps=8), tmp_path, ALONE)
        after = net.state_dict()
        changed = {name for name in before if not torch.equal(before[name], after[name])}
        assert changed
        assert all(name.startswith(("layers.", "norms.")) for name in changed)
        assert any(name.startswith("norms.") for name in changed) == (make is with_norms)

    def test_anchors_move_by_their_share_of_the_rate(self, photos, tmp_path):
        net = tiny()
        groups = parameter_groups(net, recipe(anchor_lr=0.1))
        anchors = {id(p) for p in net.anchors.parameters()}
        for group in groups:
            assert {id(p) in anchors for p in group["params"]} == {group["lr_scale"] == 0.1}
            assert {p.ndim > 1 for p in group["params"]} == {group["weight_decay"] > 0}
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(steps=3), tmp_path, ALONE)
        moved = [name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])]
        assert any("running_mean" in name for name in moved)

    def test_the_base_of_a_low_rank_layer_stays(self, photos, tmp_path):
        from snnet.catalogue import build

        net = build.stitch(
            ["test_vit", "test_vit3"], data=photos, pretrained=False, low_rank=2, image_size=32
        )
        before = copy.deepcopy(net.state_dict())
        train.train(net, photos, recipe(anchor_lr=0.0, steps=8, lr=0.1), tmp_path, ALONE)
        changed = {name for name, t in net.state_dict().items() if not torch.equal(t, before[name])}
        assert any(name.endswith("lora_B") for name in changed)
        assert not any(name.endswith("weight") for name in changed)

    @pytest.mark.parametrize("precision", ["bfloat16", "float16"])
    def test_lower_precision_clipping_and_gmacs_groups(self, photos, tmp_path, precision):
        settings = recipe(precision=precision, clip=1.0, sampling="gmacs", image_size=-1, steps=4)
        net = train.train(tiny(), photos, settings, tmp_path, ALONE)
        assert all(torch.isfinite(t).all() for t in net.state_dict().values())
        norms = [float(row["gradient_norm"]) for row in training_log.read(tmp_path)]
        assert norms[-1] >= 0  # float16's scale is found on the first steps

    def test_learning_makes_the_loss_fall(self, photos, tmp_path):
        settings = recipe(
            steps=60, lr=3e-3, alpha=1.0, anchor_lr=0.0, mixup=0.0, cutmix=0.0, auto_augment="", erase=0.0
        )
        train.train(with_norms(), photos, settings, tmp_path, ALONE)
        loss = [float(row["loss"]) for row in training_log.read(tmp_path)]
        assert sum(loss[-15:]) < 0.8 * sum(loss[:15])

    def test_a_loss_that_is_not_finite_stops_with_step_and_stitch(self, photos, tmp_path):
        net = tiny()
        settings = recipe(anchor_lr=0.0)
        stitch = plan(net, photos, settings).stitch(2)
        with torch.no_grad():
            net.layers[stitch.layers[0]].bias.fill_(float("nan"))
        first = next(k for k in range(3) if stitch.layers == plan(net, photos, settings).stitch(k).layers)
        with pytest.raises(
            TrainingError, match=rf"loss is nan at step {first + 1} of 6, through .*{stitch.name}"
        ):
            train.train(net, photos, settings, tmp_path, ALONE)

    def test_a_teacher_that_is_not_finite_is_named(self, photos, tmp_path):
        net = tiny()
        net.anchors[-1].model.classifier.bias.data[0] = float("nan")
        with pytest.raises(TrainingError, match=r"the teacher largest gives no finite answer at step 1 of 6"):
            train.train(net, photos, recipe(), tmp_path, ALONE)

    def test_weights_that_are_not_finite_leave_the_checkpoint_before(self, photos, tmp_path, monkeypatch):
        def breaks(run, step, images, labels):
            row = whole(run, step, images, labels)
            if step == 5:  # after the last loss that anybody looks at
                next(iter(run.net.layers.values())).bias.data[0] = float("inf")
            return row

        whole = train.Run.step
        monkeypatch.setattr(train.Run, "step", breaks)
        every = dataclasses.replace(ALONE, checkpoint_every_s=0.0)
        with pytest.raises(
            TrainingError, match=r"bias is not finite after step 6 of 6: lower lr .* or set clip"
        ):
            train.train(tiny(), photos, recipe(), tmp_path, every)
        assert not (tmp_path / "model.safetensors").exists()
        monkeypatch.undo()
        net = train.train(tiny(), photos, recipe(), tmp_path, every)
        assert all(tensor.isfinite().all() for tensor in net.state_dict().values())

    def test_a_broken_photo_is_named(self, place, tmp_path):
        import shutil

        shutil.copytree(place, tmp_path / "photos")
        (tmp_path / "photos" / SYNSETS[0] / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
        with pytest.raises(ValueError, match=r"3\.png"):
            train.train(tiny(), open_photos(tmp_path / "photos"), recipe(), tmp_path / "run", ALONE)

    def test_the_callers_random_numbers_are_left_alone(self, photos, tmp_path):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        net = tiny()
        torch.manual_seed(5)
        train.train(net, photos, recipe(steps=2), tmp_path, ALONE)
        assert torch.equal(torch.rand(3), expected)


class Killed(Exception):
    pass


RESUMED = recipe(steps=7, ema=0.9, clip=1.0)


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """A run that nothing interrupted, and its folder."""
    out = tmp_path_factory.mktemp("whole")
    return train.train(tiny(), photos, RESUMED, out, ALONE), out


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
                train.train(
                    tiny(), photos, RESUMED, tmp_path, TrainingOptions(workers=0, checkpoint_every_s=0)
                )
        ran = []
        monkeypatch.setattr(
            train.Run, "step", lambda run, number, *args: (ran.append(number), step(run, number, *args))[1]
        )
        net = train.train(tiny(), photos, RESUMED, tmp_path, ALONE)
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
                train.train(
                    tiny(), photos, RESUMED, tmp_path, TrainingOptions(workers=0, checkpoint_every_s=0)
                )
        assert len(training_log.read(tmp_path)) == 5
        assert equal(train.train(tiny(), photos, RESUMED, tmp_path, ALONE), whole[0])
        assert [int(row["step"]) for row in training_log.read(tmp_path)] == list(range(1, 8))

    def test_a_finished_run_computes_nothing(self, photos, whole, monkeypatch):
        monkeypatch.setattr(train.Run, "step", None)
        assert equal(train.train(tiny(), photos, RESUMED, whole[1], ALONE), whole[0])

    def test_workers_change_nothing(self, photos, whole, tmp_path):
        assert equal(train.train(tiny(), photos, RESUMED, tmp_path, TrainingOptions(workers=1)), whole[0])

    def test_the_result_is_a_network_in_a_folder(self, whole):
        net, out = whole
        back = StitchedNetwork.from_folder(out)
        assert equal(back, net)
        assert back.origin["recipe"]["seed"] == 0
        assert "7 steps of 4 photos" in back.origin["method"]

    def test_another_run_in_the_folder_is_refused(self, photos, whole):
        with pytest.raises(TrainingError, match=r"holds another run \(lr 0\.001 there, 0\.002 here\)"):
            train.train(tiny(), photos, recipe(steps=7, ema=0.9, clip=1.0, lr=2e-3), whole[1], ALONE)
        with pytest.raises(TrainingError, match="holds another run"):
            train.train(tiny(seed=1), photos, RESUMED, whole[1], ALONE)

    def test_a_run_whose_repeats_were_counted_otherwise_is_refused(self, photos, tmp_path):
        from snnet.training import checkpoint

        ours = checkpoint.identity(tiny(), photos, plan(tiny(), photos, recipe(repeats=3)))
        theirs = ours | {"recipe": {k: v for k, v in ours["recipe"].items() if k != "lr_scaling"}}
        checkpoint.write(tmp_path, theirs, {})
        with pytest.raises(TrainingError, match=r"repeats '3 counted into the epoch' there, 3 here"):
            checkpoint.read(tmp_path, ours)
        checkpoint.write(tmp_path, theirs | {"recipe": theirs["recipe"] | {"repeats": 1}}, {})
        assert checkpoint.read(tmp_path, ours | {"recipe": ours["recipe"] | {"repeats": 1}}) is not None

    def test_a_damaged_checkpoint_is_named(self, photos, tmp_path):
        (tmp_path / CHECKPOINT).write_bytes(b"PK damaged")
        with pytest.raises(TrainingError, match=r"checkpoint\.pt can't be read"):
            train.train(tiny(), photos, RESUMED, tmp_path, ALONE)


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


@pytest.fixture
def with_broken(place, tmp_path):
    """The same photos, three of them broken."""
    copied = tmp_path / "photos"
    shutil.copytree(place, copied)
    for file in (f"{SYNSETS[0]}/1.png", f"{SYNSETS[0]}/2.png", f"{SYNSETS[2]}/5.png"):
        (copied / file).write_bytes(b"no photo at all")
    return copied


class TestBrokenPhotos:
    def remarks(self, every_s: float = 300.0):
        return TrainingOptions(workers=0, checkpoint_every_s=every_s, remarks=Remarks(skip_broken=True))

    def test_one_ends_the_run_unless_the_next_is_to_stand_in(self, with_broken, place, tmp_path):
        settings = recipe(steps=9)
        with pytest.raises(PhotoError, match=r"\.png is not a photo"):
            train.train(tiny(), open_photos(with_broken), settings, tmp_path / "stops", ALONE)
        options = self.remarks()
        net = train.train(tiny(), open_photos(with_broken), settings, tmp_path / "out", options)
        assert len(options.remarks.broken) == 3
        # as with a set in which the next sound photo lies in the place of each
        sound = tmp_path / "sound"
        shutil.copytree(place, sound)
        for number in (1, 2):
            shutil.copy(sound / SYNSETS[0] / "3.png", sound / SYNSETS[0] / f"{number}.png")
        stands_in = Plan.samples
        with pytest.MonkeyPatch.context() as patch:  # the one after the last is the first, of another class
            patch.setattr(Plan, "samples", lambda *a: [(n, 0 if i == 17 else i) for n, i in stands_in(*a)])
            other = train.train(tiny(), open_photos(sound), settings, tmp_path / "other", ALONE)
        assert equal(net, other)

    def test_a_run_that_was_killed_ends_with_equal_weights_and_the_whole_list(
        self, with_broken, tmp_path, monkeypatch
    ):
        photos, settings = open_photos(with_broken), recipe(steps=9)
        whole = self.remarks()
        net = train.train(tiny(), photos, settings, tmp_path / "whole", whole)
        step = train.Run.step

        def dies(run, number, images, labels):
            if number == 7:
                raise Killed
            return step(run, number, images, labels)

        with monkeypatch.context() as patch:
            patch.setattr(train.Run, "step", dies)
            with pytest.raises(Killed):
                train.train(tiny(), photos, settings, tmp_path / "killed", self.remarks(0))
        rest = self.remarks()
        assert equal(train.train(tiny(), photos, settings, tmp_path / "killed", rest), net)
        assert rest.remarks.broken == whole.remarks.broken

    def test_layers_are_started_on_the_others(self, with_broken, tmp_path):
        options = self.remarks()
        started = dataclasses.replace(options, is_started=False)
        train.train(tiny(), open_photos(with_broken), recipe(steps=1, start_photos=18), tmp_path, started)
        assert len(options.remarks.broken) == 3


@pytest.mark.slow
def test_two_processes_leave_out_what_one_does(with_broken, tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_HOME", str(tmp_path))
    tiny().save(tmp_path / "net")
    settings = PLAIN | {"anchor_lr": 0, "mixup": 0, "cutmix": 0, "optimizer": "sgd", "lr": 0.02}
    words = [str(tmp_path / "net"), "--data", str(with_broken), "--skip-broken"]
    by2 = options(**settings | {"batch_size": 3, "out": tmp_path / "by2"})
    line = [*words, *by2, "--broken-list", str(tmp_path / "by2.txt")]
    done = subprocess.run(
        command(*line, processes=2), cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("3 photos left out, because they can't be decoded:") == 1
    by1 = options(**settings | {"batch_size": 6, "out": tmp_path / "by1"})
    assert main.main(["train", *words, *by1, "--broken-list", str(tmp_path / "by1.txt")]) == 0
    assert (tmp_path / "by1.txt").read_text() == (tmp_path / "by2.txt").read_text()
    one, two = (StitchedNetwork.from_folder(tmp_path / f"by{processes}") for processes in (1, 2))
    for name, tensor in one.state_dict().items():
        assert torch.allclose(tensor, two.state_dict()[name], rtol=1e-4, atol=1e-6), name


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
    start, theirs = tiny().state_dict(), two.state_dict()
    moved = 0
    for name, tensor in one.state_dict().items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-4, atol=1e-6), name
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
        assert f"stitches  {plan(net, photos, recipe()).stitch(0).name}, " in said
        assert not out.exists()

    def test_a_published_networks_dry_run_needs_no_weights_and_names_each_settings_source(
        self, place, tmp_path, capsys, monkeypatch
    ):
        from snnet.training.authors import SETTINGS

        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("WORLD_SIZE", "8")
        words = ["deit", "--data", str(place), "--out", str(tmp_path / "out"), "--mixup", "0", "--dry-run"]
        assert main.main(["train", *words]) == 0
        told = capsys.readouterr().out
        assert "whose     the authors', but for mixup\n" in told
        lines = {line.split()[0]: line for line in reversed(told.splitlines())}
        assert lines["mixup"].split(maxsplit=2)[1:] == ["0.0", "as you set it"]
        for name, (value, source) in SETTINGS["deit"].items():
            if name != "mixup":
                assert lines[name].split(maxsplit=2)[1:] == [str(value), source]
        assert "118.4" in lines["network"]
        assert not (tmp_path / "out").exists()

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


class TestLabels:
    def test_the_teacher_alone_needs_no_labels_whatever_they_are(self, tmp_path):
        settings = recipe(alpha=1.0, anchor_lr=0.0, steps=1, mixup=0.8, batch_size=2)
        odd = parquet(tmp_path / "odd.parquet", range(4), [5000, -7, None, 3])
        own = folder(tmp_path / "own", ["train/apple/a.png", "val/apple/b.png"])
        for name, path in (("odd", odd), ("own", own)):
            train.train(tiny(), open_photos(path), settings, tmp_path / f"of {name}", ALONE)
            with pytest.raises(TrainingError, match=r"or learn from the teacher alone: --alpha 1"):
                plan(tiny(), open_photos(path), recipe())

    def test_a_head_of_other_classes_learns_no_labels(self, photos):
        net = tiny()
        net.label_set = of_head(21_843)
        with pytest.raises(TrainingError, match=r"the 21,843 classes of ImageNet-21k, .* --alpha 1"):
            plan(net, photos, recipe())
        assert plan(net, photos, recipe(alpha=1.0)).photos == 18

    def test_labels_are_those_outputs_that_mean_them(self, photos, tmp_path):
        net = tiny()
        net.label_set = LabelSet("reversed", 1000, tuple(reversed(net.label_set.names)))
        run = train.Run(net, photos, recipe(), tmp_path, ALONE)
        assert run._targets(torch.tensor([0, 1, 999])).tolist() == [999, 998, 0]
