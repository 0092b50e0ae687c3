"""Refusals of budgets, of labels held against a head, and of the zoo's and the authors' tables."""

import json
import re

import numpy as np

from snnet import frontier
from snnet.commands import main
from snnet.commands import tables as command
from snnet.network.timm_cost import timm_cost
from snnet.photos import heads, label_set
from snnet.photos.photo_set import open_photos
from snnet.photos.transform import Transform, transform_of
from snnet.tables import derive
from tests.photos.sets import folder, parquet
from tests.refusals.sites import refusal

COSTS = [0.31415, 0.5, 1.25]


@refusal(
    "snnet/frontier.py: is below the smallest stitch",
    "snnet/frontier.py: is not a number",
    "snnet/frontier.py: times the costliest stitch",
    "snnet/frontier.py: write one of them",
    "snnet/frontier.py: {error}, in {unit}",
    "snnet/frontier.py: there is no stitch to choose",
    "snnet/frontier.py: no value is known",
)
def test_budgets(refused):
    with refused("below") as told:
        frontier.read_budget(0.3, COSTS)
    smallest = re.search(r"smallest stitch \((\S+) GMACs\)", told.sentence)[1]
    assert frontier.best_within(COSTS, [None] * 3, smallest) == 0
    for value in (float("nan"), "much", None, True, np.nan):
        with refused("not a number") as told:
            frontier.read_budget(value, COSTS)
        assert smallest in told.sentence
    with refused("times") as told:
        frontier.read_budget(600, COSTS)
    assert "600 MMACs are 0.6 GMACs" in told.sentence
    assert frontier.read_budget(0.6, COSTS) == 0.6
    with refused("one of them") as told:
        frontier.number("1,250")
    for reading in re.search(r"may be (\S+) or (\S+):", told.sentence).groups():
        assert frontier.number(reading) in (1.25, 1250)
    with refused("in {unit}"):
        frontier.read_budget("1,250", COSTS)
    with refused("no stitch"):
        frontier.best_within([], [], 1)
    with refused("no value"):
        frontier.area([1, 2], [None, None])
    assert frontier.area([1, 2], [70, None])


@refusal(
    "snnet/photos/heads.py: {photos.why_not}",
    "snnet/photos/heads.py: is no class of",
    "snnet/photos/heads.py: no label: give a",
    "snnet/photos/heads.py: of which nothing tells",
    "snnet/photos/heads.py: are' if len(lacking) > 1",
)
def test_labels_that_a_head_can_not_answer(refused, tmp_path):
    imagenet = label_set.of_head(1000)

    def held(path, head=imagenet, **reading):
        return heads.outputs_of(open_photos(path, **reading), head, "net")

    numbered = folder(tmp_path / "numbered", ["3/a.png", "7/b.png"])
    with refused("why_not") as told:
        held(numbered)
    assert "--labels-are indices" in told.sentence
    assert held(numbered, labels_are="indices")
    with refused("no class of"):
        held(parquet(tmp_path / "a.parquet", [1, 2], [0, 1000]))
    flat = folder(tmp_path / "flat", ["a.png", "b.png"])
    with refused("no label") as told:
        held(flat)
    assert "--labels FILE" in told.sentence
    (tmp_path / "truth.txt").write_text("n01440764\nn01443537")
    assert held(flat, labels=tmp_path / "truth.txt")
    sound = folder(tmp_path / "sound", ["n01440764/a.png", "n01443537/b.png"])
    with refused("nothing tells"):
        held(sound, label_set.of_head(10))
    lacking = next(
        head for head in map(label_set.of_head, (11221, 11821, 21843, 21841, 10450)) if head.lacking
    )
    with refused("lacking"):
        held(sound, lacking)
    assert held(sound)


@refusal(
    "snnet/photos/transform.py: images of {channels} channels",
    "snnet/photos/transform.py: crop mode",
    "snnet/network/timm_cost.py: can't be counted",
)
def test_models_of_other_inputs(refused):
    config = {
        "input_size": (1, 64, 64),
        "crop_pct": 1,
        "interpolation": "bicubic",
        "mean": (0.5,) * 3,
        "std": (1,) * 3,
    }
    for size in ((1, 64, 64), (3, 64, 96)):
        with refused("channels"):
            transform_of(config | {"input_size": size})
    assert transform_of(config | {"input_size": (3, 64, 64)})
    with refused("crop mode") as told:
        Transform(64, mode="middle")
    for mode in told.sentence.partition("is none of ")[2].split(", "):
        assert Transform(64, mode=mode)
    with refused("counted") as told:
        timm_cost("test_vit", 100)
    assert "100 px" in told.sentence
    assert timm_cost("test_vit", 160).gmacs > 0


@refusal(
    "snnet/commands/tables.py: needs --source",
    "snnet/commands/tables.py: no architecture of the zoo",
    "snnet/commands/tables.py: copy the authors' results whole",
    "snnet/tables/derive.py: has no benchmark-infer",
    "snnet/tables/derive.py: is missing",
    "snnet/tables/derive.py: has no column",
    "snnet/commands/frontier.py: has moved",
)
def test_tables_that_are_not_whole(refused, tmp_path, monkeypatch):
    reached = []

    def runs(*words):
        """Run a command as `main` does, but let what it raises through."""
        import argparse

        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers()
        for one in main.COMMANDS:
            one.add(commands)
        options = parser.parse_args(words)
        options.run(options)

    with refused("--source") as told:
        runs("zoo", "build")
    with refused("no architecture") as told:
        runs("zoo", "check", "--models", "nothing*")
    pattern = re.search(r"--models '(.*)'", told.sentence)[1]
    monkeypatch.setattr("snnet.evaluation.zoo_check.check", lambda models: reached.append(models) or [])
    runs("zoo", "check", "--models", pattern)
    assert reached[0]
    with refused("moved") as told:
        runs("frontier", "lite", "--page", str(tmp_path / "x.html"))
    assert re.search(r"`python app.py (.*)`", told.sentence)[1].split()[-1] == str(tmp_path / "x.html")
    with refused("authors'") as told:
        command.build_published_results(tmp_path, tmp_path / "published")
    row = json.dumps({"cfg_id": 0, "flops": 1e9, "acc1": 70.0})
    for name in re.search(r"lacks (.*): copy", told.sentence)[1].split(", "):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(row)
    assert command.build_published_results(tmp_path, tmp_path / "published")

    source = tmp_path / "timm"
    source.mkdir()
    with refused("is missing") as told:
        derive.build_zoo(source, tmp_path / "zoo.csv")
    (source / "results-imagenet.csv").write_text("model,img_size,top1,top5\nresnet50.a1_in1k,224,80,94\n")
    with refused("column") as told:
        derive.build_zoo(source, tmp_path / "zoo.csv")
    assert "param_count" in told.sentence
    (source / "results-imagenet.csv").write_text(
        "model,img_size,top1,top5,param_count\nresnet50.a1_in1k,224,80,94,25.56\n"
    )
    with refused("benchmark"):
        derive.build_zoo(source, tmp_path / "zoo.csv")
    (source / "benchmark-infer-amp-nchw-pt9-cu9-4090.csv").write_text(
        "model,infer_img_size,infer_gmacs\nresnet50,224,4.11\n"
    )
    for file in derive.zoo.TEST_SETS.values():
        (source / file).write_text("model,img_size,top1\nresnet50.a1_in1k,224,50\n")
    assert derive.build_zoo(source, tmp_path / "zoo.csv") == 1
