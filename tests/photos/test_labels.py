"""What labels mean: class folders, names in Parquet files, and labels held against heads of other classes."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from snnet.photos import heads, label_set
from snnet.photos.classes import class_index, class_names, synset_indices
from snnet.photos.photo_set import open_photos
from tests.photos.sets import coded, folder, parquet

SYNSETS = tuple(synset_indices())


def refusal(photos, outputs: int = 1000) -> str:
    with pytest.raises(heads.LabelError) as caught:
        heads.outputs_of(photos, label_set.of_head(outputs), "net")
    return str(caught.value)


# ---------------------------------------------------------------------------------------------------- names


def test_every_name_that_is_read_means_its_class():
    assert [class_index(name) for name in class_names()] == list(range(1000))
    assert [class_index(synset) for synset in SYNSETS] == list(range(1000))


def test_names_that_two_classes_have_mean_the_one_they_stand_for():
    assert (class_index("Cardigan"), class_index("cardigan"), class_index("CARDIGAN")) == (264, 474, None)
    assert class_index("crane") is None
    assert class_index("Crane (Machine)") == 517


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("000.n01440764", 0),
        ("n01440764_tench", 0),
        ("n01440764-tench", 0),
        ("class n01443537", 1),
        ("N01443537", 1),
        ("n01440764 n01443537", None),
        ("n99999999", None),
        ("n00005787_benthos", None),  # a synset of ImageNet-22k
        ("n014407641", None),
        ("xn01440764", None),
    ],
)
def test_a_synset_within_a_name(name, index):
    assert class_index(name) == index


# -------------------------------------------------------------------------------------------------- folders


def test_synsets_with_more_about_them_are_read(tmp_path):
    names = ["000.n01440764/a.png", "n01443537_goldfish/b.png", "tabby/c.png"]
    photos = open_photos(folder(tmp_path / "set", names))
    assert photos.labels == (0, 1, 281)
    assert heads.outputs_of(photos, label_set.of_head(1000), "net") == tuple(range(1000))


@pytest.mark.parametrize("width", [1, 3])
def test_all_thousand_numbers_are_indices(tmp_path, width):
    """The layout of ImageNet-V2."""
    photos = open_photos(numbered(tmp_path / "v2", width))
    assert {int(photos._store.names[k].split("/")[0]) == photos.labels[k] for k in range(1000)} == {True}
    assert photos.describe() == "v2 (1,000 photos of 1,000 classes)"
    heads.outputs_of(photos, label_set.of_head(1000), "net")


def numbered(root: Path, width: int) -> Path:
    content = coded(1)
    for number in range(1000):
        place = root / f"{number:0{width}}"
        place.mkdir(parents=True)
        (place / "a.png").write_bytes(content)
    return root


def test_some_numbers_have_two_readings(tmp_path):
    root = folder(tmp_path / "set", [f"{number}/a.png" for number in (0, 155, 159, 162)])
    photos = open_photos(root)
    assert photos.labels == (-1,) * 4
    says = refusal(photos)
    assert "may be indices of ImageNet-1k (tench, Shih-Tzu, Rhodesian ridgeback, beagle)" in says
    assert "or numbers of other classes" in says
    assert "--labels-are indices" in says
    photos = open_photos(root, labels_are="indices")  # what it says to do
    assert photos.labels == (0, 155, 159, 162)
    heads.outputs_of(photos, label_set.of_head(1000), "net")


def test_indices_are_numbers(tmp_path):
    with pytest.raises(ValueError, match=r"cat is no index of ImageNet-1k \(0 to 999\)"):
        open_photos(folder(tmp_path / "set", ["5/a.png", "cat/b.png"]), labels_are="indices")
    with pytest.raises(ValueError, match="1000 is no index"):
        open_photos(folder(tmp_path / "more", ["5/a.png", "1000/b.png"]), labels_are="indices")
    with pytest.raises(ValueError, match="photos in no sub-folder"):
        open_photos(folder(tmp_path / "flat", ["a.png"]), labels_are="indices")
    with pytest.raises(ValueError, match="'numbers' is none of names, indices"):
        open_photos(tmp_path / "flat", labels_are="numbers")
    with pytest.raises(ValueError, match="give one"):
        open_photos(tmp_path / "flat", labels="truth.txt", labels_are="indices")


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["train/n01440764/a.png", "val/n01440764/b.png"], "deeper: give {}/train or {}/val"),
        (["train/apple/a.png", "val/apple/b.png"], "give {}/train or {}/val"),
        (["Data/CLS/train/tench/a.png"], "and the classes lie deeper: give {}/Data/CLS/train"),
        (["apple/a.png", "burger/b.png"], "apple, burger are no classes of ImageNet-1k, and by their "),
        (["apple/a.png", "burger/b.png"], "would be tench, goldfish: name them by synset"),
        (["1/a.png", "1000/b.png"], "are numbers, and not all of them ImageNet-1k's"),
    ],
)  # fmt: skip
def test_what_is_no_class_is_refused_with_what_to_do(tmp_path, names, says):
    root = folder(tmp_path / "set", names)
    photos = open_photos(root)
    assert set(photos.labels) == {-1}
    assert says.format(root, root) in refusal(photos)


def test_the_folder_that_a_refusal_names_is_read(tmp_path):
    root = folder(tmp_path / "set", ["train/n01440764/a.png", "val/n01443537/b.png"])
    place = refusal(open_photos(root)).rpartition(" or ")[2]
    assert open_photos(place).labels == (1,)


# -------------------------------------------------------------------------------------------------- Parquet


def features(path: Path, names, values) -> Path:
    """Write photos whose classes have names as `datasets` writes them."""
    table = pa.table({"image": [coded(k) for k in range(len(values))], "label": values})
    info = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path)
    return path


def test_names_in_parquet_are_read(tmp_path):
    names = ["tench", "English springer", "cassette player", "n03000684", "church"]
    path = features(tmp_path / "imagenette.parquet", names, [4, 0, 1, 2, 3, -1, None])
    photos = open_photos(path)
    assert photos.labels == (497, 0, 217, 482, 491, -1, -1)
    assert photos[0][1] == 497
    assert "classes by name" in photos.describe()
    bare = parquet(tmp_path / "bare.parquet", range(7), [4, 0, 1, 2, 3, -1, None])
    assert open_photos(bare).labels == (4, 0, 1, 2, 3, -1, -1)
    pq.write_table(pq.read_table(path).replace_schema_metadata({}), tmp_path / "plain.parquet")
    assert open_photos(tmp_path / "plain.parquet").fingerprint != photos.fingerprint
    pq.write_table(pq.read_table(path), tmp_path / "again.parquet")
    assert open_photos([path, tmp_path / "again.parquet"]).labels == photos.labels * 2


def test_imagenets_own_thousand_are_as_they_are_numbered(tmp_path):
    from timm.data import ImageNetInfo

    texts = ImageNetInfo("imagenet-1k").label_descriptions()  # as the hub has them: crane is there twice
    photos = open_photos(features(tmp_path / "a.parquet", texts, [134, 517, 999]))
    assert photos.labels == (134, 517, 999)
    assert photos.describe() == "a.parquet (3 photos of 3 classes)"
    turned = open_photos(features(tmp_path / "b.parquet", reversed(SYNSETS), [0, 999]))
    assert turned.labels == (999, 0)
    by_text = sorted(map(str, range(1000)))  # ImageNet-V2 as `datasets` reads its folders
    photos = open_photos(features(tmp_path / "c.parquet", by_text, [0, 1, 2, 3]))
    assert photos.labels == (0, 1, 10, 100)


def test_names_that_are_not_imagenets_are_no_labels(tmp_path):
    path = features(tmp_path / "food.parquet", ["apple", "burger", "church"], [0, 1, 2])
    photos = open_photos(path)
    assert photos.labels == (-1, -1, -1)
    assert photos[0][1] == -1
    says = refusal(photos)
    assert "the classes apple, burger are no classes of ImageNet-1k" in says
    assert "by their numbers they would be tench, goldfish" in says
    assert open_photos(path, labels_are="indices").labels == (0, 1, 2)


def test_labels_beyond_the_names_are_refused(tmp_path):
    photos = open_photos(features(tmp_path / "a.parquet", ["tench", "goldfish"], [0, 7]))
    assert "a.parquet has the label 7, and names for 2 classes" in refusal(photos)


def test_the_case_of_food(shared):
    file = shared / "cases" / "food4.parquet"
    if not file.is_file():
        pytest.skip("the shared cases are not here")
    photos = open_photos(file)
    assert set(photos.labels) == {-1}
    assert "are no classes of ImageNet-1k" in refusal(photos)


@pytest.mark.parametrize("label", [1000, -7, 21_842])
def test_labels_that_are_no_classes_are_refused(tmp_path, label):
    photos = open_photos(parquet(tmp_path / "a.parquet", range(3), [0, label, 5]))
    assert f"label {label} is no class of ImageNet-1k (0 to 999; -1 for none)" in refusal(photos)


def test_photos_without_labels_are_refused(tmp_path):
    photos = open_photos(parquet(tmp_path / "a.parquet", range(3), [0, None, 5]))
    assert "1 photo has no label: give" in refusal(photos)


# ---------------------------------------------------------------------------------------------------- heads


def test_heads_that_timm_knows():
    known = {n: label_set.of_head(n) for n in (1000, 11_221, 11_821, 21_841, 21_842, 21_843)}
    assert all(len(head.names) == outputs for outputs, head in known.items())
    assert [n for n, head in known.items() if head.imagenet_1k] == [1000, 21_842]
    assert known[1000].is_imagenet_1k
    assert len(set(known[21_842].titles)) == 21_842
    large = known[21_842]
    assert [large.names[place] for place in large.imagenet_1k] == list(SYNSETS)
    assert large.titles[large.imagenet_1k[281]] == known[1000].titles[281] == "tabby"
    assert len({head.digest for head in known.values()}) == 6


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (10, "net answers with 10 classes of its own, of which nothing tells what they are"),
        (1001, "net answers with 1,001 classes of its own"),
        (21_843, r"the 21,843 classes of ImageNet-21k, where 1 of ImageNet-1k's 1,000 is lacking (teddy)"),
        (11_821, "7 of ImageNet-1k's 1,000 are lacking"),
    ],
)
def test_heads_of_other_classes_are_refused(tmp_path, outputs, says):
    assert says in refusal(open_photos(folder(tmp_path / "set", ["tabby/a.png"])), outputs)


def test_outputs_of_no_known_classes_are_called_so():
    assert label_set.of_head(512).titles[7] == "output 7 of 512"
