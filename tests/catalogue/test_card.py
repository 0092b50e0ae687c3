import huggingface_hub
import pytest

from snnet.catalogue import published
from snnet.catalogue.card import card, papers
from snnet.catalogue.figures import figures_of
from snnet.evaluation import accuracy
from snnet.tables.published_results import V1, V2
from tests.networks import tiny


def text(net) -> str:
    return card(net, accuracy.table(net), accuracy.line(net))


@pytest.mark.parametrize(
    ("name", "expected"), [("deit", [V1]), ("levit", [V1]), ("resnet18_swin_ti", [V1]), ("deit3_s_b", [V2])]
)
def test_the_paper_is_that_of_the_method(name, expected):
    net = published.outline(name)
    assert papers(net) == expected
    words = text(net)
    assert [paper for paper in (V1, V2) if paper in words] == expected


def test_both_papers_are_cited_where_both_methods_were_used():
    net = tiny()
    assert papers(net) == [V1]
    net.origin = {"recipe": {"sampling": "gmacs"}}
    assert papers(net) == [V1, V2]
    assert papers(published.outline("deit", rank=4)) == [V1, V2]


def test_every_anchors_weights_have_their_licence():
    net = published.outline("resnet18_swin_ti")
    words = text(net)
    assert "- Weights of resnet18: resnet18.tv_in1k: bsd-3-clause.\n" in words
    assert "- Weights of swin_ti: swin_tiny_patch4_window7_224.ms_in1k: mit.\n" in words
    assert "trained on from there" in figures_of(net).credits
    assert huggingface_hub.ModelCard(words).data.license == "other"
    assert huggingface_hub.ModelCard(text(published.outline("swin"))).data.license == "mit"


def test_a_licence_that_forbids_and_weights_that_are_nobodys_are_said():
    net = tiny()
    words = text(net)
    assert words.count("no pretrained ones") == len(net.anchors)
    assert huggingface_hub.ModelCard(words).data.license is None
    for anchor in net.anchors:
        anchor.weights = "convnextv2_atto.fcmae_ft_in1k"
    assert "cc-by-nc-4.0, not for commercial use" in text(net)
    assert huggingface_hub.ModelCard(text(net)).data.license == "cc-by-nc-4.0"
