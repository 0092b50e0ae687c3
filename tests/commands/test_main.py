import csv
import json
import re
import subprocess
import sys

import pytest

from snnet.commands import main
from tests.evaluation.test_evaluate import folder  # noqa: F401 - a fixture


def run(capsys, *arguments):
    status = main.main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_networks_lists_lite(capsys):
    status, out, _ = run(capsys, "networks")
    assert status == 0
    assert out.startswith("lite")
    assert "GMACs" in out


def test_networks_for_machines(capsys):
    _, out, _ = run(capsys, "networks", "--json")
    (row,) = [row for row in json.loads(out) if row["name"] == "lite"]
    assert row["here"] is True
    assert 0.29 < row["gmacs"][0] < row["gmacs"][1] < 0.99


@pytest.mark.parametrize("command", ["networks", "stitch", "train", "evaluate", "frontier", "zoo"])
def test_every_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main([command, "--help"])
    assert stop.value.code == 0
    assert f"example: python -m snnet {command}" in capsys.readouterr().out.replace("\n ", " ")


def test_frontier_rises(capsys):
    _, out, _ = run(capsys, "frontier", "lite", "--json")
    rows = json.loads(out)["stitches"]
    rows.sort(key=lambda row: row["gmacs"])
    assert all(row["on_front"] for row in rows)
    top1 = [row["top1"] for row in rows]
    assert top1 == sorted(top1)
    status, words, where = run(capsys, "frontier", "lite")
    assert status == 0
    assert len(words.splitlines()) == len(rows)
    assert "does not cover" in where or "do not cover" in where


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("frontier", "nonsense"), "no network 'nonsense': the catalogue has lite"),
        (("evaluate", "lite", "--data", "nowhere.parquet"), "nowhere.parquet does not exist"),
        (("stitch", "lite", "--data", "nowhere"), "nowhere does not exist"),
        (("zoo", "build", "--source", "nowhere"), "nowhere"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, sentence, capsys):
    status, _, err = run(capsys, *arguments)
    assert status == 2
    assert sentence in err
    assert "Traceback" not in err


def test_stitching_twice_writes_the_same_file(tmp_path, folder, capsys):  # noqa: F811
    for name in ("one", "two"):
        status, _, err = run(
            capsys,
            *("stitch", "lite", "--data", str(folder), "--limit", "3", "--out", str(tmp_path / name)),
        )
        assert status == 0, err
        assert "38 stitching layers" in err
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.slow
def test_evaluating_twice_says_that_there_is_nothing_to_compute(tmp_path, folder, capsys, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SNNET_HOME", str(tmp_path))
    arguments = (
        "evaluate",
        "lite",
        "--data",
        str(folder),
        "--limit",
        "1",
        "--table",
        str(tmp_path / "t.csv"),
    )
    status, out, err = run(capsys, *arguments)
    assert status == 0, err
    assert "measured 166 stitches" in err
    assert "lite0@224" in out
    status, again, err = run(capsys, *arguments)
    assert status == 0
    assert "nothing to compute" in err
    assert again == out
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 167


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "snnet", "--help"], capture_output=True, text=True, check=True
    )
    assert "networks" in done.stdout


def test_two_names_make_a_network_that_opens_again(tmp_path, folder, capsys):  # noqa: F811
    out = tmp_path / "vits"
    status, _, err = run(
        capsys,
        *("stitch", "test_vit", "test_vit3", "--no-pretrained", "--data", str(folder), "--limit", "3"),
        *("--ways", "paired", "--max-stitches", "6", "--low-rank", "2", "--image-size", "96"),
        *("--out", str(out)),
    )
    assert status == 0, err
    assert "6 stitches" in err
    assert f"python app.py --network {out}" in err
    status, table, err = run(capsys, "frontier", str(out), "--all", "--json")
    assert status == 0, err
    rows = json.loads(table)["stitches"]
    assert (len(rows), {row["top1"] for row in rows}) == (6, {None})
    assert {row["image_size"] for row in rows} == {96}
    # and it can be measured: the photos are of ImageNet's classes
    status, table, err = run(capsys, "evaluate", str(out), "--data", str(folder), "--limit", "4", "--json")
    assert status == 0, err
    assert len(json.loads(table)) == 6


def test_the_folder_is_named_after_the_models_unless_told(tmp_path, folder, capsys, monkeypatch):  # noqa: F811
    photos = str(folder.resolve())
    monkeypatch.chdir(tmp_path)
    status, _, err = run(
        capsys, "stitch", "test_vit3", "test_vit", "--no-pretrained", "--data", photos, "--limit", "2"
    )
    assert status == 0, err
    assert (tmp_path / "test_vit-test_vit3" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["resnet18"], "two or more names"),
        (["resnet18", "nonsense"], "timm has no model 'nonsense'"),
        (["resnet18", "vit_tiny_patch16_224"], "differ in mean"),
    ],
)
def test_what_cannot_be_stitched_is_one_line(names, words, folder, capsys):  # noqa: F811
    status, _, err = run(capsys, "stitch", *names, "--no-pretrained", "--data", str(folder))
    assert status == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_the_frontier_as_a_table_and_as_a_drawing(tmp_path, folder, capsys):  # noqa: F811
    from tests.networks import tiny

    tiny().save(tmp_path / "net")
    status, table, err = run(capsys, "frontier", str(tmp_path / "net"), "--all", "--csv")
    assert status == 0, err
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["name"] for row in rows] == [stitch.name for stitch in tiny().stitches]
    assert {row["top1"] + row["low"] + row["source"] for row in rows} == {""}
    assert float(rows[0]["gmacs"]) == tiny().cost(tiny().stitches[0]).gmacs
    for source in ("unmeasured", "measured"):
        page = tmp_path / f"{source}.html"
        status, _, err = run(capsys, "frontier", str(tmp_path / "net"), "--plot", str(page))
        assert status == 0, err
        html = page.read_text(encoding="utf-8")
        assert ("not measured yet" in html) == (source == "unmeasured")
        assert all(json.dumps(stitch.name) in html for stitch in tiny().stitches)
        assert "<script src=" not in html  # nothing from other hosts
        evaluated = ("evaluate", str(tmp_path / "net"), "--data", str(folder))
        assert run(capsys, *evaluated)[0] == 0
    assert run(capsys, "frontier", str(tmp_path / "net"), "--csv")[1].count("True") >= 1


def test_the_option_that_moved_to_the_page_says_where(tmp_path, capsys):
    status, _, err = run(capsys, "frontier", "lite", "--page", str(tmp_path / "page.html"))
    assert status == 2
    assert f"python app.py --network lite --write-page {tmp_path / 'page.html'}" in err
    assert len(err.strip().splitlines()) == 1


def test_every_printed_cost_of_the_front_buys_its_stitch(capsys):
    import snnet

    net = snnet.load("lite")
    _, out, _ = run(capsys, "frontier", "lite")
    printed = [(line.split()[0], line.split()[1]) for line in out.splitlines()]
    _, out, _ = run(capsys, "frontier", "lite", "--csv")
    printed += [(row["name"], row["gmacs"]) for row in csv.DictReader(out.splitlines())]
    _, out, _ = run(capsys, "frontier", "lite", "--json")
    printed += [(row["name"], row["gmacs"]) for row in json.loads(out)["stitches"]]
    assert len(printed) % 3 == 0
    for name, gmacs in printed:
        assert net.select(gmacs=gmacs).name == name
    _, out, _ = run(capsys, "networks")
    low = re.search(r"([\d.]+)–[\d.]+ GMACs", out)[1]
    assert net.select(gmacs=low) == min(net.stitches, key=lambda stitch: net.cost(stitch).gmacs)
