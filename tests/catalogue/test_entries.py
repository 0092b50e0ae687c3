import json

import pytest
import torch

import snnet
from snnet.catalogue import entries, published, shipping
from snnet.catalogue.families import sources_of
from snnet.catalogue.figures import as_json
from snnet.frontier import Ladder
from snnet.paths import ASSETS
from snnet.weights import sources as download
from snnet.weights.files import WeightsError
from tests.catalogue.test_published import checkpoint


@pytest.fixture(scope="module")
def levit_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "levit_192_256_release.pth"
    torch.save({"model": checkpoint("levit"), "epoch": 99}, file)
    return file


def test_the_catalogue_is_complete():
    names = [entry.name for entry in entries.entries()]
    assert names == ["lite", *published.families()]
    assert len(names) == 9


def test_every_summary_is_json_and_says_what_is_known():
    rows = {entry.name: json.loads(json.dumps(entries.summary(entry))) for entry in entries.entries()}
    assert rows["lite"]["here"] is True
    for name in published.families():
        row = rows[name]
        assert row["stitches"] >= 8
        assert row["gmacs"][0] < row["gmacs"][1]
        assert row["size_mb"] > 100
    assert rows["deit"]["top1"] == [70.564, 82.042]
    assert rows["deit"]["source"] == ["published"]
    assert rows["deit3_b_l"]["top1"] is None  # the authors gave no table
    # the published comparison: 71 networks in one file, 22 times smaller than apart
    assert rows["deit"]["apart_params_m"] / rows["deit"]["params_m"] == pytest.approx(22.2, abs=0.05)


@pytest.mark.parametrize("name", ["levit", "resnet18_swin_ti"])
def test_shipped_figures_are_those_of_the_networks(name):
    entry = entries.entry(name)
    assert as_json(entry.figures()) == json.loads(json.dumps(as_json(shipping.make(entry))))


@pytest.mark.parametrize("name", published.families())
def test_a_files_size_is_that_of_its_tensors(name):
    """What their servers send: 469 MB, 1.35 GB and 1.65 GB of the DeiT3 networks."""
    facts = entries.entry(name).figures().facts()
    assert facts["file_mb"] == pytest.approx(published.file_bytes(name) / 1e6)
    hub = {"deit3_s_b": 469, "deit3_s_l": 1350, "deit3_b_l": 1650}
    assert facts["file_mb"] == pytest.approx(hub.get(name, facts["size_mb"]), rel=0.01)
    if (params_m := published.family_of(name).joint_params_m) == params_m:  # counted over the file's tensors
        assert facts["file_mb"] == pytest.approx(4 * params_m, rel=0.01)


def test_the_readmes_table_is_of_the_networks():
    readme = (ASSETS.parent / "README.md").read_text()
    for name in published.families():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}` |"))
        _, _, stitches, gmacs, parameters, top1, file = (cell.strip() for cell in row.strip("|").split("|"))
        facts = entries.entry(name).figures().facts()
        assert stitches == str(facts["stitches"])
        assert gmacs == "–".join(Ladder(facts["gmacs"]).range())
        assert parameters == f"{facts['params_m']:.1f} M"
        assert file == f"{facts['file_mb']:,.0f} MB"
        low, high = entries.summary(entries.entry(name))["top1"] or (None, None)
        assert top1 == ("no table" if low is None else f"{low:.1f}–{high:.1f} %")


def test_an_unknown_name_lists_the_catalogue():
    with pytest.raises(ValueError, match=r"no network 'nonsense': the catalogue has lite, deit, .*folder"):
        snnet.load("nonsense")


def test_a_file_that_lies_elsewhere_is_taken(levit_file):
    net = snnet.load("levit", weights=levit_file)
    assert net.title == "LeViT-192/256"
    known = net.accuracy(net.stitches[0])
    assert (known.source, known.top1) == ("published", pytest.approx(79.638, abs=1e-3))
    best = net.select(gmacs=2.0)
    assert net.accuracy(best).top1 == max(accuracy.top1 for accuracy in net.accuracies.values())


def test_weights_of_another_network_are_named(levit_file):
    with pytest.raises(
        WeightsError, match=r"release\.pth: these are not the weights of DeiT-Ti/S/B: .*snnet_deit"
    ):
        snnet.load("deit", weights=levit_file)
    with pytest.raises(ValueError, match="holds its own weights"):
        snnet.load("lite", weights=levit_file)
    with pytest.raises(ValueError, match=r"--weights .*gone\.pth is no file: name the authors' file"):
        snnet.load("levit", weights=levit_file.parent / "gone.pth")


def test_what_is_not_here_is_fetched_once(levit_file, monkeypatch, capsys):
    fetched = []
    there = []

    def fetch(sources, progress=None):
        fetched.append(sources)
        progress(levit_file.stat().st_size, levit_file.stat().st_size)
        there.append(levit_file)
        return levit_file

    monkeypatch.setattr(download, "here", lambda sources: there[0] if there else None)
    monkeypatch.setattr(download, "size", lambda sources: levit_file.stat().st_size)
    monkeypatch.setattr(download, "fetch", fetch)
    for _ in range(2):
        assert len(snnet.load("levit").stitches) == 8
    assert fetched == [sources_of(published.family_of("levit"))]
    said = capsys.readouterr().err
    assert "LeViT-192/256: fetching 12" in said  # the size comes first
    assert "MB of weights" in said


def test_without_a_network_the_sentence_tells_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        WeightsError, match=r"levit_192_256_release\.pth .*https://github\.com/ziplab.*--weights"
    ):
        snnet.load("levit")


def test_importing_the_library_reads_and_writes_nothing(tmp_path):
    import pkgutil
    import subprocess
    import sys

    rooms = ", ".join(
        module.name
        for module in pkgutil.walk_packages(snnet.__path__, "snnet.")
        if module.name != "snnet.__main__"
    )
    code = f"import sys, {rooms}; assert 'gradio' not in sys.modules"
    environment = {"SNNET_HOME": str(tmp_path / "home"), "PATH": "", "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert not (tmp_path / "home").exists()
