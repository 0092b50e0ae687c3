"""Data sets of a hub on this machine: splits, tokens, how little is fetched, and why nothing comes."""

import io
import json
import pickle
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

import snnet.photos.batches
from snnet.photos import hub as hub_photos
from snnet.photos.batches import batches
from snnet.photos.decode import PhotoError
from snnet.photos.photo_set import open_photos
from snnet.photos.store import SourceError
from snnet.photos.transform import Transform
from tests.hub_server import COMMIT, serving

ADDRESS = "hf://datasets/owner/birds"
SMALL = Transform(16)
VALIDATION = ("data/validation-00000-of-00002.parquet", "data/validation-00001-of-00002.parquet")


def photo(number: int) -> bytes:
    """A photo of some 9 kB whose first pixel's red is its number."""
    pixels = np.random.default_rng(number).integers(0, 256, (56, 56, 3), dtype=np.uint8)
    pixels[0, 0, 0] = number
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def parquet(numbers, rows_a_group: int = 4, broken=(), labelled: bool = True) -> bytes:
    images = [{"bytes": b"no photo" if n in broken else photo(n), "path": f"{n}.png"} for n in numbers]
    columns = {"image": images} | ({"label": [n + 100 for n in numbers]} if labelled else {})
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=rows_a_group)
    return buffer.getvalue()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub with 24 validation photos in two files of three row groups each, and four to train."""
    with serving() as hub:
        hub.files = {
            VALIDATION[0]: parquet(range(12)),
            VALIDATION[1]: parquet(range(12, 24)),
            "data/train-00000-of-00001.parquet": parquet(range(50, 54)),
            "README.md": b"# Birds",
        }
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.chdir(tmp_path)
        yield hub


def reds(photos) -> list[int]:
    return [image.getpixel((0, 0))[0] for image, _ in photos]


# ----------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://datasets/o/n", ("o/n", None, "")),
        ("hf://datasets/o/n@v1.0", ("o/n", "v1.0", "")),
        ("hf://datasets/o/n@refs/convert/parquet/default", ("o/n", "refs/convert/parquet", "default")),
        ("hf://datasets/o/n@a%2Fb/x/y/", ("o/n", "a/b", "x/y")),
        ("hf:/datasets/o/n/x", ("o/n", None, "x")),  # what pathlib makes of it
        ("ILSVRC/imagenet-1k", ("ILSVRC/imagenet-1k", None, "")),
        ("ILSVRC/imagenet-1k@main", ("ILSVRC/imagenet-1k", "main", "")),
    ],
)
def test_addresses(text, expected):
    found = hub_photos.place(text)
    assert (found.repository, found.revision, found.folder) == expected


@pytest.mark.parametrize(
    "text", ["photos", "photos/", "a/b/", "./a/b", "../a", "/a/b", "a/b/c", "a/b.parquet", "a/b.jpg", "a/*"]
)
def test_paths_are_no_addresses(text):
    assert hub_photos.place(text) is None


def test_a_folder_that_is_here_is_no_address(tmp_path, monkeypatch):
    (tmp_path / "owner" / "birds").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert hub_photos.place("owner/birds") is None


@pytest.mark.parametrize("text", ["hf://owner/birds", "hf://datasets/birds", "hf://datasets/"])
def test_addresses_of_no_data_set(text):
    with pytest.raises(ValueError, match="names no data set of the hub"):
        open_photos(text)


# ------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("address", [ADDRESS, "owner/birds", f"{ADDRESS}@main", f"{ADDRESS}/data"])
def test_rows(hub, address):
    photos = open_photos(address)
    assert photos.describe() == "owner/birds validation (24 photos)"
    assert reds(photos) == list(range(24))
    assert photos.labels == tuple(range(100, 124))
    assert [photos[k][0].getpixel((0, 0))[0] for k in (23, 0, 13, 12, -1)] == [23, 0, 13, 12, 23]
    assert photos[3][1] == 103
    again = pickle.loads(pickle.dumps(photos))
    assert (reds(again), again.labels, again.fingerprint) == (
        list(range(24)),
        photos.labels,
        photos.fingerprint,
    )


def test_splits_lie_in_names_or_folders(hub):
    assert reds(open_photos(ADDRESS, split="train")) == [50, 51, 52, 53]
    hub.files = {
        "default/validation/0000.parquet": parquet([1]),
        "default/partial-train/0000.parquet": parquet([3]),
        "default/test.parquet": parquet([2], labelled=False),
    }
    assert reds(open_photos(ADDRESS)) == [1]
    test = open_photos(ADDRESS, split="test")
    assert (reds(test), test[0][1], test.labels) == ([2], -1, (-1,))
    with pytest.raises(ValueError, match="has no split 'train': give one of partial-train, test, validation"):
        open_photos(ADDRESS, split="train")
    hub.files["other/validation/0000.parquet"] = parquet([4])
    with pytest.raises(ValueError, match="in each of default, other") as caught:
        open_photos(ADDRESS)
    assert str(caught.value).endswith(f"{ADDRESS}/default")
    assert reds(open_photos(f"{ADDRESS}/other")) == [4]


def test_opening_fetches_little(hub):
    size = sum(len(hub.files[name]) for name in VALIDATION)
    photos = open_photos(ADDRESS)
    _ = photos.fingerprint, photos.describe(), len(photos)
    assert len(hub.ranges) == 2  # the files' ends
    assert hub.sent == 2 * 65536 < size
    hub.ranges.clear()
    assert len(photos.labels) == 24
    labels = [end - first for _, first, end in hub.ranges if end - first < 500]
    assert len(labels) == 6  # one small range a row group; the rest are the files' ends
    assert len(hub.ranges) == 8
    hub.ranges.clear()
    _ = photos.labels, photos[5], photos[6], photos[7]
    inside = [(first, end) for name, first, end in hub.ranges if name == VALIDATION[0]]
    assert len(inside) == len(hub.ranges) == 2  # the file's end, and one row group in one range
    assert 4 * 9000 < inside[1][1] - inside[1][0] < len(hub.files[VALIDATION[0]]) / 2


def test_labels_of_a_sample_alone_are_fetched(hub):
    photos = open_photos(ADDRESS, limit=1, seed=0)
    hub.ranges.clear()
    assert photos.labels == (photos._rows[0] + 100,)
    assert len(hub.ranges) == 2
    assert photos.describe() == "owner/birds validation (1 of 24 photos)"


def test_fingerprints_are_the_commits(hub):
    whole = open_photos(ADDRESS)
    hub.ranges.clear()
    prints = [
        whole,
        open_photos(ADDRESS, split="train"),
        open_photos(ADDRESS, limit=5),
        open_photos(ADDRESS, limit=5, seed=1),
    ]
    assert len({each.fingerprint for each in prints}) == 4
    assert open_photos(f"{ADDRESS}@{COMMIT}").fingerprint == whole.fingerprint
    assert open_photos("owner/birds").fingerprint == whole.fingerprint
    paths = {path for path, _ in hub.asked if "resolve" in path}
    assert all(f"/resolve/{COMMIT}/" in path for path in paths)


def test_the_token_is_sent_and_not_pickled(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.token = "hf_secret"
    photos = open_photos(ADDRESS)
    assert reds(photos) == list(range(24))
    assert {token for _, token in hub.asked} == {"Bearer hf_secret"}
    assert b"hf_secret" not in pickle.dumps(photos)


@pytest.mark.parametrize("place", ["file", "card"])
def test_names_of_classes_are_read(hub, place):
    """From the files' metadata or the data set's card; where they are not ImageNet's there are no labels."""
    for names, labels in ((("goldfish", "tench", "n01484850"), (1, 0, 2)), (("apple", "tench"), (-1, -1))):
        table = pa.table({"image": [photo(n) for n in range(len(names))], "label": [*range(len(names))]})
        if place == "file":
            info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        else:
            kind = {"class_label": {"names": {str(number): name for number, name in enumerate(names)}}}
            hub.card = {"dataset_info": {"features": [{"name": "label", "dtype": kind}]}}
        buffer = io.BytesIO()
        pq.write_table(table, buffer)
        hub.files = {"data/validation.parquet": buffer.getvalue()}
        photos = open_photos(ADDRESS)
        assert photos[0][1] == labels[0]  # read beside the photo
        assert photos.labels == labels
        assert ("apple are no classes" in photos.why_not) == (-1 in labels)


# ------------------------------------------------------------------------------------------------- workers


def test_workers_fetch_nothing_twice(hub, monkeypatch):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    monkeypatch.setenv("HF_TOKEN", "hf_late")  # a fork server may run since before
    hub.token = "hf_late"
    photos = open_photos(ADDRESS)
    hub.ranges.clear()
    found = list(batches(photos, [SMALL], 3, 2))
    indices = torch.cat([batch.indices for batch in found])
    assert sorted(indices.tolist()) == list(range(24))
    assert torch.cat([batch.labels for batch in found]).tolist() == [100 + k for k in indices]
    assert len(hub.ranges) == len({*hub.ranges}) == 2 + 6  # each file's end and each row group, once
    images = dict(zip(indices.tolist(), torch.cat([batch.images[SMALL] for batch in found]), strict=True))
    assert all(torch.equal(images[k], SMALL(photos[k][0])) for k in range(24))


def test_workers_go_on_while_the_caller_is_busy(hub, monkeypatch):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    photos = open_photos(ADDRESS)
    hub.ranges.clear()
    running = batches(photos, [SMALL], 4, 1)  # a batch is a row group
    next(running)
    limit = time.monotonic() + 60
    while len(hub.ranges) < 1 + 3 and time.monotonic() < limit:
        time.sleep(0.05)
    assert len(hub.ranges) >= 1 + 3  # the file's end, the group that came, and two ahead
    running.close()


def test_one_row_group_is_one_workers(hub, monkeypatch):
    monkeypatch.setattr(snnet.photos.batches, "_cores", lambda: 2)
    photos = open_photos(ADDRESS, split="train")
    hub.ranges.clear()
    found = list(batches(photos, [SMALL], 1, 2))
    assert [batch.indices.item() for batch in found] == [0, 1, 2, 3]
    assert len(hub.ranges) == 2


def test_broken_photos_and_failing_hubs_are_two_things(hub, monkeypatch):
    from huggingface_hub import hf_file_system

    hub.files = {"validation.parquet": parquet(range(8), broken=[2])}
    photos = open_photos(ADDRESS)
    with pytest.raises(PhotoError, match=r"row 2 of validation\.parquet: 2\.png is not a photo"):
        photos[2]
    found = list(batches(photos, [SMALL], 4, 0, skip_broken=True))
    assert [batch.indices.tolist() for batch in found] == [[0, 1, 3], [4, 5, 6, 7]]
    back_off = hf_file_system.http_backoff
    monkeypatch.setattr(
        hf_file_system, "http_backoff", lambda *given, **more: back_off(*given, max_retries=0, **more)
    )
    hub.fail = 500
    with pytest.raises(SourceError, match=r"fails to give owner/birds \(HTTP 500\)"):
        list(batches(pickle.loads(pickle.dumps(photos)), [SMALL], 4, 0, skip_broken=True))
    hub.fail = None
    assert reds([photos[4]]) == [4]


# ------------------------------------------------------------------------------------------ what goes wrong


def sentence(error) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_gated_without_a_token(hub):
    hub.token = "hf_secret"
    with pytest.raises(SourceError) as caught:
        open_photos(ADDRESS)
    assert sentence(caught) == (
        f"owner/birds is gated: accept the terms at {hub.url}/datasets/owner/birds, then set HF_TOKEN "
        "to a token of your account"
    )


def test_gated_with_a_token_without_access(hub, monkeypatch):
    hub.token = "hf_secret"
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    with pytest.raises(
        SourceError, match="account of your token has no access: accept the terms at"
    ) as caught:
        open_photos(ADDRESS)
    sentence(caught)


def test_unknown_data_sets_and_revisions(hub, monkeypatch):
    with pytest.raises(SourceError, match="shows you no data set owner/bees: check the name") as caught:
        open_photos("hf://datasets/owner/bees")
    assert "HF_TOKEN" in sentence(caught)
    with pytest.raises(
        SourceError, match="owner/bees does not exist here, and as a data set of the hub: the"
    ):
        open_photos("owner/bees")
    monkeypatch.setenv("HF_TOKEN", "hf_stale")
    with pytest.raises(SourceError, match="the hub refuses your token"):
        open_photos("hf://datasets/owner/bees")
    with pytest.raises(SourceError, match="owner/birds has no revision 'v9': give a branch") as caught:
        open_photos(f"{ADDRESS}@v9")
    sentence(caught)


def test_unknown_splits(hub):
    with pytest.raises(ValueError, match="has no split 'test': give one of train, validation"):
        open_photos(ADDRESS, split="test")
    hub.files = {"README.md": b""}
    with pytest.raises(ValueError, match="holds no Parquet files"):
        open_photos(ADDRESS)


def test_files_that_are_no_photos(hub):
    hub.files = {"validation.parquet": b"PAR1" + bytes(200) + b"PAR1"}
    with pytest.raises(ValueError, match=r"validation\.parquet is not a sound Parquet file"):
        open_photos(ADDRESS)


def test_no_network(hub, monkeypatch):
    with serving() as gone:
        monkeypatch.setenv("HF_ENDPOINT", gone.url)
    with pytest.raises(
        SourceError, match="no answer from the hub for owner/birds: check the network"
    ) as caught:
        open_photos(ADDRESS)
    sentence(caught)


def test_one_data_set_at_a_time(hub):
    with pytest.raises(ValueError, match="give it alone"):
        open_photos([ADDRESS, ADDRESS])
    with pytest.raises(ValueError, match="flat folder of photos, which hf://datasets/owner/birds is not"):
        open_photos(ADDRESS, labels="val.txt")


def test_the_command_line(hub, capsys):
    from snnet.commands import main

    hub.token = "hf_secret"
    assert main.main(["evaluate", "lite", "--data", ADDRESS]) == 2
    assert "then set HF_TOKEN" in capsys.readouterr().err
    hub.token = None
    assert main.main(["evaluate", "lite", "--data", "owner/birds", "--split", "test"]) == 2
    assert "give one of train, validation" in capsys.readouterr().err
    hub.files.pop("data/train-00000-of-00001.parquet")
    assert main.main(["stitch", "lite", "--data", "owner/birds"]) == 2
    assert "has no split 'train'" in capsys.readouterr().err
