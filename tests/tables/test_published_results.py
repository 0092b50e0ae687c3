"""The authors' published results: shape, figures of the papers, and how the tables are derived."""

import json
from math import prod
from pathlib import Path

import pytest

from snnet import frontier
from snnet.commands.tables import build_published_results
from snnet.paths import ASSETS
from snnet.tables import published_results, zoo

SHARED = Path(__file__).resolve().parent.parent.parent.parent / "shared"
ROWS = {  # key: rows and anchors
    "deit": (71, 3),
    "swin": (41, 3),
    "levit": (8, 2),
    "resnet18_resnet50": (10, 2),
    "resnet18_swin_ti": (8, 2),
    "deit3_s_l": (134, 2),
}
FILES = {
    "deit": "snnet_deit_ti_s_b.jsonl",
    "swin": "snnet_swin_ti_s_b.jsonl",
    "levit": "snnet_levit_192_256.jsonl",
    "resnet18_resnet50": "snnet_resnet_18_50.jsonl",
    "resnet18_swin_ti": "snnet_resnet_18_swin_ti.jsonl",
    "deit3_s_l": "snnetv2_deit3_s_l.jsonl",
}
BUFFERS = (
    *("running_mean", "running_var", "num_batches_tracked"),
    *("relative_position_index", "attention_bias_idxs", "attn_mask"),
)


@pytest.mark.parametrize("key", ROWS)
def test_shape(key):
    curve = published_results.curves()[key]
    rows, anchors = ROWS[key]
    assert curve.name == key
    assert len(curve.stitches) == rows
    assert len(curve.anchors) == anchors
    assert [s.is_anchor for s in curve.stitches] == [True] * anchors + [False] * (rows - anchors)
    indices = [s.index for s in curve.stitches]
    assert indices == sorted(set(indices))
    assert all(0.5 < s.gmacs < 62 and 65 < s.top1 < 90 for s in curve.stitches)
    # One set of weights is larger than its largest stitch
    assert curve.joint_params_m > max(s.params_m or 0 for s in curve.stitches)


def test_every_network_is_there():
    assert list(published_results.curves()) == list(ROWS)
    assert {c.paper for k, c in published_results.curves().items() if k != "deit3_s_l"} == {
        published_results.curves()["deit"].paper
    }
    assert "CVPR 2023" in published_results.curves()["deit"].paper
    assert "ECCV 2024" in published_results.curves()["deit3_s_l"].paper
    assert [c.epochs for c in published_results.curves().values()] == [50, 50, 100, 30, 30, 50]


def test_figures_of_the_papers():
    deit = published_results.curves()["deit"]
    # DeiT-Ti by fvcore's rules, and its accuracy after joint training (72.2 before)
    assert (deit.stitches[0].gmacs, deit.stitches[0].top1) == (1.2584112, 70.564)
    assert published_results.curves()["resnet18_resnet50"].stitches[0].gmacs == 1.819065856
    assert round(deit.joint_params_m, 1) == 118.4
    anchors = sum(s.params_m for s in deit.stitches if s.is_anchor)
    assert anchors == pytest.approx(114.335736)
    assert deit.apart_params_m == pytest.approx(2630.33084)


def test_parameters_apart_are_known_where_published():
    known = {key: curve.apart_params_m for key, curve in published_results.curves().items()}
    assert [key for key, count in known.items() if count is not None] == ["deit", "swin"]
    assert known["swin"] == pytest.approx(2376.140127)


@pytest.mark.parametrize("key", ROWS)
def test_joint_parameters_are_the_checkpoint_layout_s(key):
    file = SHARED / "reference" / f"{key}.json"
    if not file.is_file():
        pytest.skip("the layouts of the published checkpoints are not beside the project")
    layout = json.loads(file.read_text())["state_dict"]
    count = sum(prod(shape) for name, shape in layout.items() if name.rpartition(".")[2] not in BUFFERS)
    assert published_results.curves()[key].joint_params_m == pytest.approx(count / 1e6, abs=0.005)


def test_swin_against_the_zoo():
    swin, models = published_results.curves()["swin"], zoo.models()
    low = min(s.gmacs for s in swin.stitches)
    high = max(s.gmacs for s in swin.stitches)
    inside = [m for m in models if low <= m.gmacs <= high]
    beaten = [
        m for m in inside if any(s.gmacs <= m.gmacs and s.top1 >= m.top1 for s in swin.stitches)
    ]  # by definition, every pair
    counted = frontier.beats(
        [s.gmacs for s in swin.stitches],
        [s.top1 for s in swin.stitches],
        [m.gmacs for m in models],
        [m.top1 for m in models],
        [s.is_anchor for s in swin.stitches],
    )
    print(f"Swin-Ti/S/B beats {counted.beaten} of {counted.total} zoo results")
    assert (counted.beaten, counted.total) == (len(beaten), len(inside))
    assert (counted.low, counted.high) == (low, high)
    assert 200 < counted.beaten < 300 < counted.total < 700


def result(index: int, flops: int, top1: float, **more: float) -> str:
    return json.dumps({"cfg_id": index, "flops": flops, "acc1": top1, **more}) + "\n"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    for file in FILES.values():
        (folder / file).write_text(result(0, 1258411200, 70.56400227203369, params=5717416))
    return folder


def test_build(source, tmp_path):
    levit = source / FILES["levit"]
    levit.write_text(result(0, 661663808, 79.6, loss=0.8) + result(2, 999999999999, 81.0))
    target = tmp_path / "new" / "tables"
    assert build_published_results(source, target) == 7
    assert {file.stem for file in target.iterdir()} == set(ROWS)
    assert (target / "deit.csv").read_text() == "index,gmacs,params_m,top1\n0,1.2584112,5.717416,70.564\n"
    assert (target / "levit.csv").read_text() == (
        "index,gmacs,params_m,top1\n0,0.661663808,,79.6\n2,999.999999999,,81.0\n"
    )


def test_build_names_a_missing_file(source, tmp_path):
    (source / FILES["swin"]).unlink()
    with pytest.raises(FileNotFoundError, match=r"snnet_swin_ti_s_b\.jsonl"):
        build_published_results(source, tmp_path / "tables")


def test_the_shipped_tables_are_what_build_makes(tmp_path):
    source = SHARED / "published"
    if not source.is_dir():
        pytest.skip("the authors' results are not beside the project")
    assert build_published_results(source, tmp_path) == sum(rows for rows, _ in ROWS.values())
    for key in ROWS:
        assert (tmp_path / f"{key}.csv").read_bytes() == (ASSETS / "published" / f"{key}.csv").read_bytes()


@pytest.mark.parametrize("key", ROWS)
def test_published_counts_come_back_whole(key):
    file = SHARED / "published" / FILES[key]
    if not file.is_file():
        pytest.skip("the authors' results are not beside the project")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    stitches = published_results.curves()[key].stitches
    assert [s.index for s in stitches] == [row["cfg_id"] for row in rows]
    assert [round(s.gmacs * 1e9) for s in stitches] == [row["flops"] for row in rows]
    assert [s.params_m and round(s.params_m * 1e6) for s in stitches] == [row.get("params") for row in rows]
