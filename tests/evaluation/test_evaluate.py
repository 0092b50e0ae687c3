import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from snnet.commands import main
from snnet.evaluation import provenance
from snnet.evaluation.counts import Saver
from snnet.evaluation.evaluate import EvaluationOptions, evaluate
from snnet.evaluation.provenance import missing
from snnet.evaluation.results import IMAGENET_1K
from snnet.evaluation.store import Store
from snnet.network import sweep as walks
from snnet.photos.broken import Remarks
from snnet.photos.classes import synset_indices
from snnet.photos.decode import PhotoError
from snnet.photos.label_set import LabelSet, of_head
from snnet.photos.photo_set import open_photos
from tests.networks import tiny
from tests.photos.sets import folder as photos_in
from tests.photos.sets import noise, parquet

# three ImageNet-1k classes that the ten-class tiny network can answer with
SYNSETS = {"n01440764": 0, "n01443537": 1, "n01484850": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return noise(tmp_path_factory.mktemp("photos"), SYNSETS, 5)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results.sqlite")


def test_counts_are_those_of_a_loop_over_stitches(folder, store):
    net, photos = tiny(), open_photos(folder)
    found = {r.stitch: r for r in evaluate(net, photos, EvaluationOptions(batch_size=4), store=store)}
    assert list(found) == [stitch.name for stitch in net.stitches]
    for stitch in net.stitches:
        right, within_five, per_class = 0, 0, {}
        for image, label in photos:
            with torch.inference_mode():
                ranked = net(net.transform(stitch)(image)[None], stitch)[0].topk(5).indices.tolist()
            right += ranked[0] == label
            within_five += label in ranked
            row = per_class.setdefault(label, [0, 0, 0])
            for position, hit in enumerate((True, ranked[0] == label, label in ranked)):
                row[position] += hit
        result = found[stitch.name]
        assert (result.total, result.top1, result.top5) == (15, right, within_five)
        assert dict(result.per_class) == {label: tuple(row) for label, row in per_class.items()}


def test_a_second_run_computes_nothing(folder, store, monkeypatch):
    net, photos = tiny(), open_photos(folder)
    first = evaluate(net, photos, store=store)
    monkeypatch.setattr(type(net), "run", lambda *_: pytest.fail("the network ran"))
    assert evaluate(net, photos, store=store) == []
    assert len(provenance.results_of(net, store)) == len(first) == len(net.stitches)


def test_only_what_a_changed_layer_serves_is_measured_again(folder, store):
    net, photos = tiny(), open_photos(folder)
    evaluate(net, photos, store=store)
    changed = next(iter(net.layers))
    with torch.no_grad():
        net.layers[changed].bias += 1
    again = {stitch.name for stitch in missing(net, photos, "float32", store)}
    assert again == {stitch.name for stitch in net.stitches if changed in stitch.layers}
    assert {r.stitch for r in evaluate(net, photos, store=store)} == again


def test_precision_and_photos_are_part_of_the_key(folder, store):
    net = tiny()
    evaluate(net, open_photos(folder), store=store)
    assert len(missing(net, open_photos(folder), "bfloat16", store)) == len(net.stitches)
    assert len(missing(net, open_photos(folder, limit=4), "float32", store)) == len(net.stitches)
    assert len(
        evaluate(net, open_photos(folder), EvaluationOptions(precision="bfloat16"), store=store)
    ) == len(net.stitches)
    assert len(store.all()) == 2 * len(net.stitches)


def test_the_network_is_left_as_it_was(folder, store):
    net = tiny()
    before = provenance.routes(net)
    evaluate(net, open_photos(folder), EvaluationOptions(precision="bfloat16"), store=store)
    assert provenance.routes(net) == before
    assert next(net.parameters()).dtype == torch.float32


def test_bad_wishes_are_refused(folder, store, tmp_path):
    net = tiny()
    with pytest.raises(ValueError, match="precision 'int3' is none of float32, bfloat16, float16"):
        evaluate(net, open_photos(folder), EvaluationOptions(precision="int3"), store=store)
    with pytest.raises(ValueError, match="5 photos have no label"):
        evaluate(net, open_photos(folder / "n01440764"), store=store)
    (tmp_path / "photos" / "my cat").mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "my cat" / "a.png")
    with pytest.raises(ValueError, match="name them by synset"):
        evaluate(net, open_photos(tmp_path / "photos"), store=store)


def test_fingerprints_are_remembered(folder, store, monkeypatch):
    file = folder / "n01440764" / "0.png"
    key = (str(file), 1, 2)
    assert store.fingerprints.get(key) is None
    store.fingerprints[key] = "abc"
    assert store.fingerprints.get(key) == "abc"
    assert store.fingerprints.get((str(file), 1, 3)) is None
    first = open_photos(folder, remember=store.fingerprints).fingerprint
    monkeypatch.setattr("hashlib.file_digest", lambda *_: pytest.fail("a file was read"))
    assert open_photos(folder, remember=store.fingerprints).fingerprint == first


class Killed(Exception):
    pass


def counted(found):
    return {r.stitch: (r.total, r.top1, r.top5, r.per_class) for r in found}


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_an_interrupted_evaluation_counts_every_photo_once(folder, store, tmp_path, monkeypatch, at):
    net, photos = tiny(), open_photos(folder)
    whole = counted(
        evaluate(net, photos, EvaluationOptions(batch_size=4), store=Store(tmp_path / "other.sqlite"))
    )
    add, seen = Saver.add, []

    def dies(saver, batch, outputs):
        if len(seen) == at:
            next(outputs)  # in the middle of a batch
            raise Killed
        seen.append(batch.indices.tolist())
        add(saver, batch, outputs)

    with monkeypatch.context() as patch:
        patch.setattr(Saver, "add", dies)
        with pytest.raises(Killed):
            evaluate(net, photos, EvaluationOptions(batch_size=4, save_every_s=0), store=store)
    assert not store.all()

    def notes(saver, batch, outputs):
        seen.append(batch.indices.tolist())
        add(saver, batch, outputs)

    monkeypatch.setattr(Saver, "add", notes)
    assert (
        counted(evaluate(net, photos, EvaluationOptions(batch_size=3), store=store)) == whole
    )  # the batch may change
    assert sorted(index for indices in seen for index in indices) == list(range(len(photos)))
    assert evaluate(net, photos, store=store) == []
    with sqlite3.connect(store.file) as connection:
        assert connection.execute("SELECT count(*) FROM progress").fetchone() == (0,)


def test_what_changed_meanwhile_is_measured_from_the_start(folder, store, monkeypatch):
    net, photos = tiny(), open_photos(folder)
    add = Saver.add
    with monkeypatch.context() as patch:
        calls = []

        def dies(saver, batch, outputs):
            calls.append(1)
            if len(calls) == 3:
                raise Killed
            add(saver, batch, outputs)

        patch.setattr(Saver, "add", dies)
        with pytest.raises(Killed):
            evaluate(net, photos, EvaluationOptions(batch_size=4, save_every_s=0), store=store)
    with torch.no_grad():
        for layer in net.layers.values():
            layer.bias += 1
    seen = []
    monkeypatch.setattr(
        Saver,
        "add",
        lambda saver, batch, outputs: (seen.append(len(batch.indices)), add(saver, batch, outputs)),
    )
    evaluate(net, photos, EvaluationOptions(batch_size=4), store=store)
    assert sum(seen) == len(photos)


@pytest.fixture
def with_broken(folder, tmp_path):
    place = tmp_path / "photos"
    shutil.copytree(folder, place)
    (place / "n01443537" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return open_photos(place)


def test_a_broken_photo_stops_and_what_was_counted_is_kept(with_broken, store, monkeypatch):
    net = tiny()
    with pytest.raises(PhotoError, match=r"2\.png"):
        evaluate(net, with_broken, EvaluationOptions(batch_size=2), store=store)
    add, seen = Saver.add, []
    monkeypatch.setattr(
        Saver,
        "add",
        lambda saver, batch, outputs: (seen.extend(batch.indices.tolist()), add(saver, batch, outputs)),
    )
    found = evaluate(
        net, with_broken, EvaluationOptions(batch_size=2, remarks=Remarks(skip_broken=True)), store=store
    )
    assert 0 not in seen  # it went on
    assert {r.total for r in found} == {14}
    assert all(r.photos_about.endswith(", 1 broken left out") for r in found)
    assert {r.per_class[1][0] for r in found} == {4}


ROOT = Path(__file__).parent.parent.parent


def command(net: Path, photos: Path, *words: str, processes: int = 1) -> list[str]:
    launch = [sys.executable, "-m"]
    if processes > 1:
        launch += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    return [*launch, "snnet", "evaluate", str(net), "--data", str(photos), "--json", *words]


def environment(home: Path) -> dict[str, str]:
    return os.environ | {"SNNET_HOME": str(home), "CUDA_VISIBLE_DEVICES": ""}


def here(capsys, monkeypatch, home: Path, *words: str):
    """Run the command in this process, which takes a tenth of the time."""
    monkeypatch.setenv("SNNET_HOME", str(home))
    assert main.main([word for word in words if word not in (sys.executable, "-m", "snnet")]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def printed(words: list[str], home: Path):
    done = subprocess.run(words, cwd=ROOT, env=environment(home), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_two_processes_give_the_counts_of_one(folder, tmp_path, capsys, monkeypatch):
    tiny().save(tmp_path / "net")
    one, said = here(capsys, monkeypatch, tmp_path / "one", *command(tmp_path / "net", folder))
    alone, shared = walks.saved(tiny(), tiny().stitches)
    assert f"{shared:.1f} GMACs a photo where one by one takes {alone:.1f}" in said
    two, _ = printed(command(tmp_path / "net", folder, "--batch-size", "2", processes=2), tmp_path / "two")
    assert [row["total"] for row in one] == [15] * len(one)
    assert one == two
    again, said = here(capsys, monkeypatch, tmp_path / "two", *command(tmp_path / "net", folder))
    assert "nothing to compute" in said
    assert again == one


@pytest.mark.slow
def test_a_broken_photo_stops_every_process_with_its_name(with_broken, tmp_path, capsys, monkeypatch):
    tiny().save(tmp_path / "net")
    words = command(tmp_path / "net", tmp_path / "photos", "--batch-size", "2", processes=2)
    done = subprocess.run(
        words, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    assert "2.png" in done.stderr
    one = command(tmp_path / "net", tmp_path / "photos", "--skip-broken")
    rows, said = here(capsys, monkeypatch, tmp_path, *one)
    assert {row["total"] for row in rows} == {14}
    assert "1 photo left out, because" in said
    assert "2.png" in said.split("left out")[1]


@pytest.mark.slow  # two processes of the command, each with its own torch
def test_kill_9_and_the_same_command_again(folder, tmp_path, capsys, monkeypatch):
    many = tmp_path / "many"
    for synset in SYNSETS:
        (many / synset).mkdir(parents=True)
        for number in range(60):
            shutil.copy(folder / synset / f"{number % 5}.png", many / synset / f"{number}.png")
    tiny().save(tmp_path / "net")
    words = command(tmp_path / "net", many, "--batch-size", "2", "--save-every", "0", "--workers", "0")
    home = tmp_path / "home"
    process = subprocess.Popen(
        words, cwd=ROOT, env=environment(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    store, give_up, kept = Store(home / "results.sqlite"), time.monotonic() + 120, 0
    while kept < 3:
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.05)
        if store.file.is_file():
            with sqlite3.connect(store.file, timeout=30) as connection:
                tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
                kept += "progress" in tables and bool(connection.execute("SELECT * FROM progress").fetchall())
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not store.all()
    rows, said = here(capsys, monkeypatch, home, *words)
    assert "evaluate tiny:   0%" not in said  # the bar began where it was
    whole, _ = here(capsys, monkeypatch, tmp_path / "elsewhere", *command(tmp_path / "net", many))
    assert rows == whole
    assert {row["total"] for row in rows} == {180}


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (10, "tiny answers with 10 classes of its own"),
        (11_821, "the 11,821 classes of ImageNet-12k, where 7 of ImageNet-1k's 1,000 are lacking"),
    ],
)
def test_a_head_of_other_classes_is_refused_before_the_first_photo(folder, store, monkeypatch, outputs, says):
    net = tiny()
    net.label_set = of_head(outputs)
    monkeypatch.setattr(type(net), "run", lambda *_: pytest.fail("the network ran"))
    with pytest.raises(ValueError, match=says):
        evaluate(net, open_photos(folder), store=store)


def test_a_head_that_has_imagenets_classes_among_others_is_read_at_those(folder, store):
    net, large, photos = tiny(), tiny(), open_photos(folder)
    names = [f"pet {number}" for number in range(100)] + [*reversed(synset_indices())]
    large.label_set = LabelSet("pets and ImageNet", len(names), tuple(names))
    for anchor in large.anchors:
        narrow = anchor.model.classifier
        anchor.model.reset_classifier(len(names))
        with torch.no_grad():
            anchor.model.classifier.weight.zero_()[list(large.label_set.imagenet_1k)] = narrow.weight
            anchor.model.classifier.bias.fill_(60.0)  # pets are likelier
            anchor.model.classifier.bias[list(large.label_set.imagenet_1k)] = narrow.bias
    results = evaluate(large, photos, store=store)
    assert counted(results) == counted(evaluate(net, photos, store=store))
    assert results[0].photos_about.endswith(
        "; of 1,100 classes (pets and ImageNet) those of ImageNet-1k read, by synset"
    )
    assert results[0].classes != IMAGENET_1K  # what was counted before heads were told apart is of no use
    assert not missing(large, photos, "float32", store)


def test_labels_that_the_network_cannot_mean_are_refused_before_the_first_photo(tmp_path, store, monkeypatch):
    net = tiny()
    monkeypatch.setattr(type(net), "run", lambda *_: pytest.fail("the network ran"))
    with pytest.raises(ValueError, match="label 1000 is no class of ImageNet-1k"):
        evaluate(net, open_photos(parquet(tmp_path / "a.parquet", range(3), [0, 1000, 5])), store=store)


def test_the_command_reads_numbered_folders_when_told(tmp_path, store, monkeypatch, capsys):
    """What the refusal says to do helps, by command too."""
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "home"))
    tiny().save(tmp_path / "net")
    photos_in(tmp_path / "set", ["0/a.png", "7/b.png"])
    command = ["evaluate", str(tmp_path / "net"), "--data", str(tmp_path / "set")]
    assert main.main(command) == 2
    assert "may be indices of ImageNet-1k (tench, cock)" in capsys.readouterr().err
    assert main.main([*command, "--labels-are", "indices"]) == 0
    assert "of set (2 photos of 2 classes)" in capsys.readouterr().out
