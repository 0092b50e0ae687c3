"""The zoo table: its shape, known rows, and how it is derived from timm's own tables."""

import csv
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from snnet.paths import ASSETS
from snnet.tables import derive, zoo
from snnet.tables.derive import build_zoo

ROOT = Path(__file__).resolve().parent.parent.parent
TIMM = ROOT.parent / "shared" / "timm"
FURTHER = (
    "results-imagenet-real.csv",
    "results-imagenetv2-matched-frequency.csv",
    "results-sketch.csv",
    "results-imagenet-a.csv",
    "results-imagenet-r.csv",
)


def test_models_are_many_unique_and_plausible():
    models = zoo.models()
    assert len(models) >= 1400
    assert len({(m.name, m.image_size) for m in models}) == len(models)
    for m in models:
        assert m.name == f"{m.architecture}.{m.tag}"
        assert 64 <= m.image_size <= 1024
        assert 0.2 < m.params_m < 3000
        assert 0 < m.gmacs < 5000
        assert 20 < m.top1 < m.top5 < 100
        assert all(x is None or 0 <= x <= 100 for x in (m.real, m.v2, m.sketch, m.a, m.r))


@pytest.mark.parametrize(
    ("name", "size", "top1", "gmacs"),
    [
        ("tf_efficientnet_lite0.in1k", 224, 74.846, 0.40),
        ("tf_efficientnet_lite1.in1k", 240, 76.674, 0.62),
        ("tf_efficientnet_lite2.in1k", 260, 77.47, 0.89),
        ("resnet50.tv_in1k", 224, 76.156, 4.11),
    ],
)
def test_known_rows(name, size, top1, gmacs):
    (row,) = (m for m in zoo.models() if (m.name, m.image_size) == (name, size))
    assert (row.top1, row.gmacs) == (top1, gmacs)


def test_a_result_timm_does_not_give_is_none():
    # ImageNet-A holds the photos that this network gets wrong: timm lists no result for it
    (row,) = (m for m in zoo.models() if m.name == "resnet50.tv_in1k")
    assert row.a is None
    assert row.r is not None


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("resnet50", "ResNet"),
        ("convnext_tiny", "ConvNeXt"),
        ("vit_base_patch16_224", "ViT"),
        ("swin_tiny_patch4_window7_224", "Swin"),
        ("swinv2_tiny_window8_256", "Swin"),
        ("tf_efficientnet_lite0", "EfficientNet"),
        ("tf_mobilenetv3_large_100", "MobileNet"),
        ("levit_192", "LeViT"),
        ("regnety_016", "RegNet"),
        ("regnetz_b16", "RegNet"),
        ("haloregnetz_b", "RegNet"),
        ("mobilenetv1_100", "MobileNet"),
        ("mobilenetv2_100", "MobileNet"),
        ("mobileone_s0", "MobileNet"),
        ("repvgg_a0", "other"),
        ("mambaout_tiny", "other"),
        ("naflexvit_base_patch16_gap", "ViT"),
    ],
)
def test_families_of_architectures(architecture, family):
    assert {m.family for m in zoo.models() if m.architecture == architecture} == {family}


def test_every_architecture_is_in_one_family_and_every_pattern_in_use():
    used = set()
    for architecture in {m.architecture for m in zoo.models()}:
        matches = {(p, family) for p, family in derive.families() if fnmatchcase(architecture, p)}
        assert len({family for _, family in matches}) == 1, (architecture, matches)
        used |= matches
    assert used == set(derive.families())


def test_families_are_ordered_by_size():
    models, families = zoo.models(), zoo.families()
    sizes = [sum(m.family == family for m in models) for family in families]
    assert sum(sizes) == len(models)
    assert families[-1] == "other"
    assert sizes[:-1] == sorted(sizes[:-1], reverse=True)
    assert min(sizes) >= 5


def write(file: Path, columns: str, *rows: str) -> None:
    file.write_text("\n".join([columns, *rows]) + "\n")


@pytest.fixture
def tables(tmp_path):
    """Make a folder of timm's tables: two sizes of one model, two not counted, one in the other benchmark."""
    source = tmp_path / "timm"
    source.mkdir()
    write(
        source / "results-imagenet.csv",
        "model,img_size,top1,top1_err,top5,param_count",
        'madeup_large.b_in1k,384,86.500,13.5,98.000,"1,014.45"',
        "resnet50.a1_in1k,224,80.2,19.8,94.6,25.56",
        "madeup_large.b_in1k,224,85.100,14.9,97.000,304.33",
        "nocount.in1k,224,70,30,90,5.00",
        "zerocount.in1k,224,70,30,90,5.00",
    )
    for number, file in enumerate(FURTHER):
        write(source / file, "model,img_size,top1", f"resnet50.a1_in1k,224,{50.25 + number}")
    columns = "model,infer_img_size,infer_gmacs"
    write(
        source / "benchmark-infer-amp-nchw-pt9-cu9-4090.csv",
        columns,
        *("madeup_large,224,59.7", "madeup_large,384,174.74", "zerocount,224,0.0", "resnet50,288,6.8"),
    )
    write(
        source / "benchmark-infer-amp-nchw-pt1-cu1-3090.csv",
        columns,
        *("madeup_large,224,1.0", "resnet50,224,4.11"),
    )
    return source


def test_build_joins_by_architecture_and_size(tables, tmp_path):
    target = tmp_path / "new" / "zoo.csv"
    assert build_zoo(tables, target) == 3
    with target.open(newline="") as lines:
        rows = {(row["name"], row["image_size"]): row for row in csv.DictReader(lines)}
    assert set(rows) == {
        ("resnet50.a1_in1k", "224"),
        ("madeup_large.b_in1k", "224"),
        ("madeup_large.b_in1k", "384"),
    }
    resnet = rows["resnet50.a1_in1k", "224"]
    assert (resnet["architecture"], resnet["tag"], resnet["family"]) == ("resnet50", "a1_in1k", "ResNet")
    assert [float(resnet[key]) for key in ("params_m", "gmacs", "top1", "top5")] == [25.56, 4.11, 80.2, 94.6]
    further = [float(resnet[key]) for key in ("real", "v2", "sketch", "a", "r")]
    assert further == [50.25, 51.25, 52.25, 53.25, 54.25]
    small, large = rows["madeup_large.b_in1k", "224"], rows["madeup_large.b_in1k", "384"]
    assert (small["gmacs"], large["gmacs"]) == ("59.7", "174.74")  # the RTX 4090's, not the other's
    assert large["params_m"] == "1014.45"
    assert (large["family"], large["sketch"]) == ("other", "")


def test_build_is_the_same_twice(tables, tmp_path):
    build_zoo(tables, tmp_path / "one.csv")
    build_zoo(tables, tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


@pytest.mark.parametrize("file", ["results-imagenet.csv", *FURTHER])
def test_build_names_a_missing_file(tables, tmp_path, file):
    (tables / file).unlink()
    with pytest.raises(FileNotFoundError, match=re.escape(file)):
        build_zoo(tables, tmp_path / "zoo.csv")
    assert not (tmp_path / "zoo.csv").exists()


def test_build_names_missing_benchmarks(tables, tmp_path):
    for file in tables.glob("benchmark-*.csv"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"no benchmark-infer-\*\.csv"):
        build_zoo(tables, tmp_path / "zoo.csv")


def test_build_names_a_missing_column(tables, tmp_path):
    write(tables / "results-sketch.csv", "model,img_size,accuracy", "resnet50.a1_in1k,224,1")
    with pytest.raises(ValueError, match=r"results-sketch\.csv has no column top1"):
        build_zoo(tables, tmp_path / "zoo.csv")


def test_the_shipped_table_is_what_build_makes(tmp_path):
    if not TIMM.is_dir():
        pytest.skip("timm's own tables are not beside the project")
    built = tmp_path / "zoo.csv"
    assert build_zoo(TIMM, built) == len(zoo.models())
    assert built.read_bytes() == (ASSETS / "zoo.csv").read_bytes()


def test_reading_needs_neither_torch_nor_timm_nor_pandas():
    code = (
        "import sys; from snnet import frontier; from snnet.tables import published_results, zoo; "
        "families = published_results.curves().values(); "
        "assert not zoo.models.cache_info().currsize and not any('stitches' in vars(f) for f in families); "
        "zoo.models(); [family.stitches for family in families]; "
        "assert not {'torch', 'timm', 'pandas', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize(
    ("name", "pretraining"),
    [
        ("resnet50.a1_in1k", "in1k"),
        ("convnextv2_base.fcmae_ft_in1k", "in1k"),  # masked autoencoding of ImageNet-1k's own photos
        ("beitv2_base_patch16_224.in1k_ft_in1k", "in1k"),
        ("resnetv2_50x1_bit.goog_distilled_in1k", "in1k"),  # only its teacher saw more
        ("beitv2_base_patch16_224.in1k_ft_in22k_in1k", "in22k"),
        ("swin_base_patch4_window7_224.ms_in22k_ft_in1k", "in22k"),
        ("mobilevitv2_150.cvnets_in22k_ft_in1k", "in22k"),
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", "in22k"),
        ("eva02_base_patch14_448.mim_in22k_ft_in1k", "in22k"),
        ("hgnetv2_b4.ssld_stage2_ft_in1k", "in22k"),
        ("nextvit_small.bd_ssld_6m_in1k", "in22k"),
        ("hgnet_tiny.ssld_in1k", "in22k"),  # SSLD draws further photos from it
        ("hgnet_tiny.paddle_in1k", "in1k"),
        ("hrnet_w18_ssld.paddle_in1k", "in22k"),
        ("dpn92.mx_in1k", "in22k"),
        ("dpn98.mx_in1k", "in1k"),
        ("eva_giant_patch14_560.m30m_ft_in22k_in1k", "larger"),
        ("eva02_large_patch14_448.mim_m38m_ft_in1k", "larger"),
        ("vit_base_patch16_clip_224.openai_ft_in12k_in1k", "larger"),
        ("vit_base_patch16_clip_224.laion2b_ft_in1k", "larger"),
        ("eva_giant_patch14_224.clip_ft_in1k", "larger"),
        ("tf_efficientnet_b0.ns_jft_in1k", "larger"),
        ("resnext50_32x4d.fb_swsl_ig1b_ft_in1k", "larger"),
        ("resnext50_32x4d.fb_ssl_yfcc100m_ft_in1k", "larger"),
        ("regnety_160.swag_ft_in1k", "larger"),
        ("regnety_320.seer_ft_in1k", "larger"),
        ("beit3_base_patch16_224.in22k_ft_in1k", "larger"),  # which its tag does not tell
    ],
)
def test_what_a_tag_says_of_pretraining(name, pretraining):
    assert {m.pretraining for m in zoo.models() if m.name == name} == {pretraining}


def test_pretraining_of_the_whole_zoo():
    models = zoo.models()
    assert {m.pretraining for m in models} == set(zoo.PRETRAINING)
    assert all("in1k" in m.tag.split("_") for m in models)  # so "only" is what remains without another word
    words = {word for m in models for word in m.tag.split("_")}
    assert words >= derive._LARGER | derive._FULL_IMAGENET | derive._DISTILLED  # all of the rule is in use


@pytest.mark.parametrize(
    ("name", "is_distilled"),
    [
        ("levit_192.fb_dist_in1k", True),
        ("resmlp_big_24_224.fb_distilled_in1k", True),
        ("deit_tiny_distilled_patch16_224.fb_in1k", True),
        ("deit_base_distilled_patch16_384.fb_in1k", True),
        ("pit_xs_distilled_224.in1k", True),
        ("hrnet_w48_ssld.paddle_in1k", True),
        ("edgenext_small.usi_in1k", True),
        ("ghostnetv3_100.in1k", True),
        ("resnet50.a1_in1k", False),
        ("deit_tiny_patch16_224.fb_in1k", False),
        ("regnety_160.deit_in1k", False),  # the teacher
        ("edgenext_base.in21k_ft_in1k", False),
    ],
)
def test_which_models_are_distilled(name, is_distilled):
    assert {m.is_distilled for m in zoo.models() if m.name == name} == {is_distilled}


def test_whatever_timm_calls_distilled_is():
    file = TIMM / "model_metadata-in1k.csv"
    if not file.is_file():
        pytest.skip("timm's own tables are not beside the project")
    with file.open(newline="") as lines:
        names = {row["model"] for row in csv.DictReader(lines) if row["pretrain"] == "in1k-dist"}
    by_architecture: dict[str, list[bool]] = {}
    for m in zoo.models():
        by_architecture.setdefault(m.architecture, []).append(m.is_distilled)
    known = names & set(by_architecture)
    assert len(known) >= 20
    assert all(any(by_architecture[name]) for name in known)


class TestCorrections:
    def test_each_has_a_reason_and_rows(self):
        rows = [{k: getattr(m, k) for k in zoo.COLUMNS} for m in zoo.models()]
        for correction in derive.corrections():
            mine = [row for row in rows if derive.applies(correction, row)]
            assert mine, correction
            assert len(correction["reason"]) > 20
            for row in mine:
                value, expected = row[correction["column"]], correction["value"]
                assert (str(int(value)) if correction["column"] == "is_distilled" else value) == (
                    float(expected) if correction["column"] in derive.COUNTS else expected
                )
                assert (correction["reason"] in row["note"]) == (correction["column"] in derive.COUNTS)

    def test_every_other_figure_is_timms(self):
        if not TIMM.is_dir():
            pytest.skip("timm's own tables are not beside the project")
        with (TIMM / "results-imagenet.csv").open(newline="") as lines:
            theirs = {(r["model"], int(r["img_size"])): r for r in csv.DictReader(lines)}
        for m in zoo.models():
            row = theirs[m.name, m.image_size]
            assert (m.top1, m.top5) == (float(row["top1"]), float(row["top5"]))
            same = m.params_m == float(row["param_count"].replace(",", ""))
            assert same or "its file has" in m.note

    def test_the_examples(self):
        by_name = {m.name: m for m in zoo.models()}
        assert by_name["sequencer2d_s.in1k"].gmacs == 8.36
        assert by_name["repvgg_a0.rvgg_in1k"].params_m == 8.31
        assert "its file has 9.11 M" in by_name["repvgg_a0.rvgg_in1k"].note
        assert by_name["resnet50.a1_in1k"].note == ""
