import pytest
import torch
from PIL import Image

from snnet import results
from snnet.data import open_photos
from snnet.evaluate import evaluate, missing
from snnet.results import Store
from tests.networks import tiny

# three ImageNet-1k classes that the ten-class tiny network can answer with
SYNSETS = {"n01440764": 0, "n01443537": 1, "n01484850": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    generator = torch.Generator().manual_seed(0)
    for synset in SYNSETS:
        (folder / synset).mkdir()
        for number in range(5):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(folder / synset / f"{number}.png")
    return folder


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results.sqlite")


def test_counts_are_those_of_a_loop_over_stitches(folder, store):
    net, photos = tiny(), open_photos(folder)
    found = {r.stitch: r for r in evaluate(net, photos, batch_size=4, store=store)}
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
    assert len(results.known(net, store)) == len(first) == len(net.stitches)


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
    assert len(evaluate(net, open_photos(folder), precision="bfloat16", store=store)) == len(net.stitches)
    assert len(store.all()) == 2 * len(net.stitches)


def test_the_network_is_left_as_it_was(folder, store):
    net = tiny()
    before = results.routes(net)
    evaluate(net, open_photos(folder), precision="bfloat16", store=store)
    assert results.routes(net) == before
    assert next(net.parameters()).dtype == torch.float32


def test_bad_wishes_are_refused(folder, store, tmp_path):
    net = tiny()
    with pytest.raises(ValueError, match="precision 'int3' is none of float32, bfloat16, float16"):
        evaluate(net, open_photos(folder), precision="int3", store=store)
    with pytest.raises(ValueError, match="5 photos have no label"):
        evaluate(net, open_photos(folder / "n01440764"), store=store)
    (tmp_path / "photos" / "my cat").mkdir(parents=True)
    Image.new("RGB", (40, 40)).save(tmp_path / "photos" / "my cat" / "a.png")
    with pytest.raises(ValueError, match="name the sub-folders by synset"):
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
