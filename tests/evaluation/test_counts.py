"""What an evaluation counts photo by photo, and how it goes on from what was kept."""

import dataclasses
import io
import os
import shutil
import sqlite3

import numpy as np
import pytest
import torch

from snnet.commands import evaluate as evaluating_command
from snnet.commands import main
from snnet.evaluation import counts as counting
from snnet.evaluation import evaluate as evaluating
from snnet.evaluation.counts import Counts, Saver
from snnet.evaluation.evaluate import EvaluationOptions, evaluate
from snnet.evaluation.store import Store, StoreError
from snnet.optional import MissingWarning
from snnet.photos.broken import Remarks
from snnet.photos.photo_set import open_photos
from tests.evaluation.test_evaluate import SYNSETS, Killed, counted
from tests.limits import folder_that_is_only_read
from tests.networks import tiny
from tests.photos.sets import noise


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("photos"), SYNSETS, 3)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results.sqlite")


@pytest.fixture
def broken(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "photos")
    (tmp_path / "photos" / "n01443537" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")  # the fifth
    return open_photos(tmp_path / "photos")


def interrupted(net, photos, store, monkeypatch, after=2):
    """Evaluate a few batches, kept each, and stop as a kill does."""
    add, seen = Saver.add, []

    def dies(saver, batch, outputs):
        if len(seen) == after:
            raise Killed
        seen.append(batch)
        add(saver, batch, outputs)

    with monkeypatch.context() as patch:
        patch.setattr(Saver, "add", dies)
        with pytest.raises(Killed):
            evaluate(net, photos, EvaluationOptions(batch_size=2, save_every_s=0), store=store)


def ran(monkeypatch):
    """Note the photos that are counted from here on."""
    add, seen = Saver.add, []

    def notes(saver, batch, outputs):
        seen.extend(batch.indices.tolist())
        add(saver, batch, outputs)

    monkeypatch.setattr(Saver, "add", notes)
    return seen


def test_bits_are_those_of_a_loop_over_photos(broken, store, monkeypatch):
    net = tiny()
    with pytest.raises(ValueError, match=r"1\.png"):
        evaluate(net, broken, EvaluationOptions(batch_size=2), store=store)  # goes on below
    evaluate(net, broken, EvaluationOptions(batch_size=3, remarks=Remarks(skip_broken=True)), store=store)
    expected = {stitch.name: np.zeros((2, 9), bool) for stitch in net.stitches}
    for index in (0, 1, 2, 3, 5, 6, 7, 8):
        image, label = broken[index]
        for stitch in net.stitches:
            with torch.inference_mode():
                ranked = net(net.transform(stitch)(image)[None], stitch)[0].topk(5).indices.tolist()
            expected[stitch.name][:, index] = ranked[0] == label, label in ranked
    for result in store.all():
        hits = store.hits(result)
        assert hits.measured.tolist() == [index != 4 for index in range(9)]
        np.testing.assert_array_equal([hits.top1, hits.top5], expected[result.stitch])
        assert hits.order == broken.order


def test_too_many_photos_are_counted_without_bits(folder, store, monkeypatch):
    monkeypatch.setattr(counting, "MOST_BYTES", 10)
    net, photos = tiny(), open_photos(folder)
    interrupted(net, photos, store, monkeypatch)
    results = evaluate(net, photos, EvaluationOptions(batch_size=2), store=store)
    assert all(result.hits is None for result in results)
    other = Store(store.file.with_name("other.sqlite"))
    monkeypatch.undo()
    assert counted(evaluate(net, photos, store=other)) == counted(results)


def without_bits(state: bytes) -> bytes:
    """Return progress as the version before wrote it."""
    with np.load(io.BytesIO(state)) as arrays:
        values = {name: arrays[name] for name in ("done", "photos", "right", "broken")}
    file = io.BytesIO()
    np.savez_compressed(file, **values)
    return file.getvalue()


def only_run(store):
    with sqlite3.connect(store.file) as connection:
        return connection.execute("SELECT run, state FROM progress").fetchone()


def test_progress_without_bits_goes_on_without(folder, store, monkeypatch, tmp_path):
    net, photos = tiny(), open_photos(folder)
    whole = counted(evaluate(net, photos, store=Store(tmp_path / "other.sqlite")))
    interrupted(net, photos, store, monkeypatch)
    run, state = only_run(store)
    store.put_progress(run, without_bits(state))
    seen = ran(monkeypatch)
    results = evaluate(net, photos, store=store)
    assert seen == [4, 5, 6, 7, 8]
    assert counted(results) == whole
    assert all(result.hits is None for result in results)


@pytest.fixture(scope="module")
def progress(folder, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("progress") / "results.sqlite")
    with pytest.MonkeyPatch.context() as patch:
        interrupted(tiny(), open_photos(folder), store, patch)
    return only_run(store)[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda values: values.update(right=values["right"] + 1), "more right answers than photos"),
        (lambda values: values.update(photos=values["photos"][:3]), "photos is of another shape"),
        (lambda values: values.update(right=values["right"].astype(float)), "right is of another shape"),
        (lambda values: values.update(done=~values["done"]), "its photos don't add up"),
        (lambda values: values.update(hits=values["hits"] ^ 64), "its bits are not those of its counts"),
        (lambda values: values.update(order="other"), "the photos lie in another order now"),
        (lambda values: values.pop("done"), "it has no done"),
    ],
)
def test_progress_that_is_of_no_use_is_refused(folder, progress, change, words):
    with np.load(io.BytesIO(progress)) as arrays:
        values = dict(arrays)
    change(values)
    file = io.BytesIO()
    np.savez_compressed(file, **values)
    net = tiny()
    with pytest.raises(ValueError, match=words):
        Counts.none(net, open_photos(folder), net.stitches).resumed(file.getvalue())


def test_progress_that_is_of_no_use_is_begun_anew(folder, store, monkeypatch, tmp_path):
    net, photos = tiny(), open_photos(folder)
    whole = counted(evaluate(net, photos, store=Store(tmp_path / "other.sqlite")))
    interrupted(net, photos, store, monkeypatch)
    store.put_progress(only_run(store)[0], b"no archive")
    seen = ran(monkeypatch)
    with pytest.warns(MissingWarning, match=r"results\.sqlite holds .* of no use \(.*\): it begins anew"):
        assert counted(evaluate(net, photos, store=store)) == whole
    assert sorted(seen) == list(range(9))


@pytest.mark.parametrize("state", [b"", b"no archive", b"PK\x03\x04 damaged"])
def test_progress_that_can_not_be_read_is_begun_anew(folder, store, state):
    net, photos = tiny(), open_photos(folder)
    beginning = Counts.none(net, photos, net.stitches)
    with pytest.raises(ValueError, match="it can't be read"):
        beginning.resumed(state)
    assert dataclasses.astuple(beginning.resumed(beginning.to_bytes()))[3:4] == ([],)


def test_where_results_can_not_be_kept_no_photo_is_read(folder, tmp_path, monkeypatch, capsys):
    tiny().save(tmp_path / "net")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("SNNET_HOME", str(home))
    monkeypatch.setattr(Saver, "add", lambda *_: pytest.fail("a photo was counted"))
    words = ["evaluate", str(tmp_path / "net"), "--data", str(folder)]
    with folder_that_is_only_read(home), pytest.warns(MissingWarning, match="fingerprints of photos"):
        assert main.main(words) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("snnet evaluate")]
    assert "results.sqlite can't be used" in line
    assert "SNNET_HOME" in line


def test_a_store_that_fails_at_the_end_keeps_what_was_counted(folder, store, monkeypatch):
    def full(*_):
        raise StoreError("the results in x can't be used (disk is full)")

    net, photos = tiny(), open_photos(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "finish", full)
        with pytest.raises(StoreError, match="disk is full"):
            evaluate(net, photos, store=store)
    seen = ran(monkeypatch)
    assert len(evaluate(net, photos, store=store)) == len(net.stitches)
    assert not seen  # nothing is computed again


def test_a_clock_that_is_set_back_changes_nothing(folder, store, monkeypatch, tmp_path):
    class Future(evaluating.datetime.date):
        @classmethod
        def today(cls):
            return cls(2199, 1, 1)

    shutil.copytree(folder, tmp_path / "photos")
    for file in (tmp_path / "photos").rglob("*.png"):
        os.utime(file, (2**33, 2**33))
    net = tiny()
    photos = open_photos(tmp_path / "photos", remember=store.fingerprints)
    with monkeypatch.context() as patch:
        patch.setattr(evaluating.datetime, "date", Future)
        first = evaluate(net, photos, store=store)
    assert {result.measured_on for result in first} == {"2199-01-01"}
    again = open_photos(tmp_path / "photos", remember=store.fingerprints)
    assert evaluate(net, again, store=store) == []
    for file in (tmp_path / "photos").rglob("*.png"):
        os.utime(file, (0, 0))
    assert evaluate(net, open_photos(tmp_path / "photos", remember=store.fingerprints), store=store) == []
    net.attach(store)
    assert all(net.accuracy(stitch).source == "partial" for stitch in net.stitches)


def test_places_of_labels():
    inf, nan = float("inf"), float("nan")
    logits = torch.tensor(
        [[3.0, 1, 2], [1, 1, 0], [0, 0, 0], [nan, 9, 0], [1, inf, 0], [1, -inf, 0], [1, 2, 3]]
    )
    labels = torch.tensor([0, 0, 2, 1, 1, 0, 7])  # the last has no class here
    where, finite = counting.places(logits, labels)
    assert where.tolist() == [0, 1, 2, 5, 5, 5, 5]
    assert finite.tolist() == [True, True, True, False, False, False, True]
    half = counting.places(logits[:3].half(), labels[:3])
    assert half[0].tolist() == [0, 1, 2]


def test_answers_that_are_not_finite_are_wrong_and_told(folder, store, capsys):
    from snnet.evaluation import accuracy

    net, photos = tiny(), open_photos(folder)
    broken = next(iter(net.layers))
    net.layers[broken].bias.data[0] = float("nan")
    through = {stitch.name for stitch in net.stitches if broken in stitch.layers}
    results = evaluate(net, photos, EvaluationOptions(batch_size=4, save_every_s=0), store=store)
    assert len(results) > len(through) > 0
    for result in results:
        is_broken = result.stitch in through
        assert result.silent == (9 if is_broken else 0)
        assert result.photos_about.endswith("9 of 9 gave no finite answer") == is_broken
        assert result.set_about == photos.describe()
        assert (result.top1, result.top5) == (0, 0) or not is_broken
    assert store.all() == results
    net.attach(store)
    assert f"{len(through)} of them gave some photos no finite answer" in accuracy.line(net)
    note = net.accuracies[min(through)].note
    assert "9 of 9 gave no finite answer" in note
    evaluating_command._print(net, results, False)
    out, err = capsys.readouterr()
    assert out.count("9 of 9 gave no finite answer") == len(through)
    assert "save or fetch the network again" in err


def test_a_dead_network_is_right_nowhere(folder, store):
    net = tiny()
    for anchor in net.anchors:
        torch.nn.init.zeros_(anchor.model.classifier.weight)
        torch.nn.init.zeros_(anchor.model.classifier.bias)
    results = evaluate(net, open_photos(folder), EvaluationOptions(batch_size=4), store=store)
    assert {(result.top1, result.top5, result.silent) for result in results} == {(0, 0, 0)}


def test_an_interrupted_evaluation_goes_on_with_what_was_silent(folder, store, monkeypatch):
    net, photos = tiny(), open_photos(folder)
    broken = next(iter(net.layers))
    net.layers[broken].bias.data[0] = float("nan")
    interrupted(net, photos, store, monkeypatch)
    results = evaluate(net, photos, EvaluationOptions(batch_size=2), store=store)
    assert {result.silent for result in results} == {0, 9}
