"""Refusals that come of places and proxies, and of sets and weights that are broken as a whole."""

import errno
import os
import re
import tempfile

import pytest
import timm
import torch

from app import main as page
from app.web.refusal import Refusal
from app.web.uploads import Uploads
from snnet import paths
from snnet.catalogue import build
from snnet.catalogue.joining import Joining
from snnet.evaluation.evaluate import EvaluationOptions, evaluate
from snnet.evaluation.store import Store
from snnet.network.start import start
from snnet.photos import broken
from snnet.photos.decode import decode
from snnet.photos.photo_set import open_photos
from snnet.training import run as train
from snnet.training.run import TrainingOptions
from snnet.weights import sources
from snnet.weights.sources import ReleaseFile
from tests.networks import tiny
from tests.photos.sets import coded, folder
from tests.refusals.sites import refusal
from tests.training.settings import recipe

SYNSETS = ("n01440764", "n01443537")
ALONE = TrainingOptions(workers=0)


@refusal("snnet/paths.py: there is no such home folder", "snnet/paths.py: a relative path, which means")
def test_where_results_go(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("SNNET_HOME", "~nobody-at-all/x")
    with refused("home folder"):
        paths.home()
    monkeypatch.setenv("SNNET_HOME", "results")
    with refused("relative") as told:
        paths.home()
    monkeypatch.setenv("SNNET_HOME", re.search(r"such as (\S+), or", told.sentence)[1])
    assert paths.home().is_absolute()
    monkeypatch.delenv("SNNET_HOME")
    assert paths.home().is_absolute()


@refusal(
    "snnet/paths.py: no folder for temporary files",
    "snnet/paths.py: is somebody else's",
    "snnet/paths.py: can't be made",
)
def test_where_temporary_files_go(refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)

    def goes_by(variable):
        monkeypatch.setenv("TMPDIR", str(variable))
        monkeypatch.setattr(tempfile, "tempdir", str(variable))
        assert paths.temporary().parent == variable

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # Python's last resort
    with refused("no folder") as told:
        paths.temporary()
    assert told.sentence.endswith("by TMPDIR")
    (tmp_path / "one").mkdir()
    goes_by(tmp_path / "one")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / f"snnet-{os.getuid()}").symlink_to("/")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "two"))
    with refused("somebody") as told:
        paths.temporary()
    goes_by(tmp_path / "one")
    (tmp_path / "three").mkdir()
    (tmp_path / "three" / f"snnet-{os.getuid()}").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "three"))
    with refused("made"):
        paths.temporary()
    goes_by(tmp_path / "one")


@refusal(
    "app/web/uploads.py: files.WriteError(",
    "app/web/uploads.py: No photo was uploaded",
)
def test_where_uploads_go(refused, tmp_path):
    (tmp_path / "file").touch()
    with refused("WriteError"):
        Uploads(parent=tmp_path / "file")
    uploads = Uploads(parent=tmp_path)
    try:
        with refused("No photo"), uploads.reading({"path": str(tmp_path / "file")}):
            pass
        with uploads.writing("a.png") as upload:
            upload.write(coded(1))
            path = upload.path
        with uploads.reading({"path": path}) as place:
            assert decode(place)
    finally:
        uploads.close()


@refusal("app/main.py: --share asks Gradio's servers")
def test_a_proxy_that_no_library_here_speaks(refused, monkeypatch):
    monkeypatch.setattr(page, "_parser", page._parser)
    options = page._parser("app.py").parse_args(["--share"])
    monkeypatch.setattr("app.main.proxies.trouble", lambda: "the proxy of X is Y: pip install Z")
    with refused() as told:
        page._serve(options)
    assert "pip install Z" in told.sentence

    class Reached(Exception):
        """The network would be loaded now."""

    def service(*settings):
        raise Reached

    monkeypatch.setattr("app.main.proxies.trouble", lambda: "")
    monkeypatch.setattr("app.service.Service", service)
    with pytest.raises(Reached):
        page._serve(options)


@refusal("snnet/photos/files.py: its photos would be missing")
def test_a_folder_that_may_not_be_read(refused, monkeypatch, tmp_path):
    folder(tmp_path, [f"{SYNSETS[0]}/a.png", f"{SYNSETS[1]}/b.png"])
    scandir = os.scandir

    def forbidden(place):
        if str(place).endswith(SYNSETS[1]):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", forbidden)
        with refused() as told:
            open_photos(tmp_path)
    assert SYNSETS[1] in told.sentence
    assert len(open_photos(tmp_path)) == 2


@refusal("snnet/photos/parquet.py: claims")
def test_a_table_that_claims_more_than_it_holds(refused, monkeypatch, tmp_path):
    from tests.photos.sets import parquet

    table = parquet(tmp_path / "a.parquet", [1, 2], [0, 1])
    with monkeypatch.context() as patch:
        patch.setattr("snnet.photos.parquet._GROWTH", 0)
        with refused():
            open_photos(table)
    assert open_photos(table)


@refusal(
    "snnet/photos/broken.py: photos in a row",
    "snnet/evaluation/evaluate.py: none of {self.photos",
    "snnet/evaluation/evaluate.py: PhotoError(sentences[0])",
    "snnet/network/start.py: none of {photos",
)
def test_sets_of_broken_photos_alone(refused, tmp_path):
    names = [f"{name}/{k}.png" for name in SYNSETS for k in range(2)]
    photos, net = open_photos(folder(tmp_path / "photos", names)), tiny()
    store = Store(tmp_path / "results.sqlite")
    sound = [(tmp_path / "photos" / name).read_bytes() for name in names]

    def write(contents):
        for name, content in zip(names, contents, strict=True):
            (tmp_path / "photos" / name).write_bytes(content)
        return open_photos(tmp_path / "photos")

    photos = write([b"no photo"] * 4)
    with refused("in a row") as told:
        broken.next_sound(photos, 0)
    assert "4 photos in a row" in told.sentence
    with refused("evaluate.py: none of {self"):
        evaluate(net, photos, EvaluationOptions(remarks=broken.Remarks(skip_broken=True)), store=store)
    with refused("sentences[0]"):
        evaluate(net, photos, store=Store(tmp_path / "others.sqlite"))
    with refused("start.py"):
        start(net, photos, remarks=broken.Remarks(skip_broken=True))
    photos = write([b"no photo", *sound[1:]])
    assert len(broken.next_sound(photos, 0)[1]) == 1
    assert evaluate(net, photos, EvaluationOptions(remarks=broken.Remarks(skip_broken=True)), store=store)
    start(net, photos, remarks=broken.Remarks(skip_broken=True))


@refusal("snnet/catalogue/build.py: gives no finite answer")
def test_an_anchor_whose_weights_are_broken(refused, monkeypatch):
    names, options = ["test_vit", "test_vit3"], Joining(pretrained=False)
    create = timm.create_model

    def broken_model(*words, **settings):
        model = create(*words, **settings)
        if not next(model.parameters()).is_meta:
            model.head.bias.data.fill_(float("nan"))
        return model

    with monkeypatch.context() as patch:
        patch.setattr(timm, "create_model", broken_model)
        with refused():
            build.network(names, options)
    assert build.network(names, options)


@refusal("snnet/training/run.py: self._not_finite(", "snnet/training/run.py: is not finite after step")
def test_a_run_that_goes_off(refused, monkeypatch, tmp_path):
    names = [f"{name}/{k}.png" for name in SYNSETS for k in range(8)]
    photos = open_photos(folder(tmp_path / "photos", names))
    settings = recipe(steps=2, anchor_lr=0.0, lr=1e-3)
    net = tiny()
    for layer in net.layers.values():
        layer.bias.data.fill_(float("nan"))
    with refused("_not_finite") as told:
        train.train(net, photos, settings, tmp_path / "a", ALONE)
    assert "lower lr (0.001)" in told.sentence
    whole = train.Run.step

    def breaks(run, step, images, labels):
        row = whole(run, step, images, labels)
        next(iter(run.net.layers.values())).bias.data[0] = float("inf")
        return row

    with monkeypatch.context() as patch:
        patch.setattr(train.Run, "step", breaks)
        with refused("after step") as told:
            train.train(tiny(), photos, settings.with_settings({"steps": 1}), tmp_path / "b", ALONE)
    assert "lower lr (0.001) or set clip" in told.sentence
    net = train.train(tiny(), photos, settings, tmp_path / "c", ALONE)
    assert all(torch.isfinite(tensor).all() for tensor in net.state_dict().values())


@refusal("snnet/weights/sources.py: ({'; '.join(", "snnet/weights/sources.py: HF_HUB_OFFLINE forbids it")
def test_a_file_that_no_server_gives(refused, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    source = ReleaseFile("https://example.invalid/x.pth")
    with refused("join") as told:
        sources.fetch([source])
    with refused("forbids"):
        sources.fetch([source])
    place = re.search(r"put it at (\S+)", told.sentence)[1]
    os.makedirs(os.path.dirname(place))
    with open(place, "wb") as file:
        file.write(b"weights")
    assert str(sources.fetch([source])) == place


def test_refusals_are_what_the_gate_turns_into_answers():
    assert issubclass(Refusal, Exception)
