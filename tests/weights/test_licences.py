from collections import Counter
from importlib.metadata import distribution

import pytest
import timm

from snnet.tables import zoo
from snnet.weights import licences, originals

LITE = [f"tf_efficientnet_lite{number}.in1k" for number in range(3)]


def test_every_model_of_the_zoo_has_its_terms():
    names = {model.name for model in zoo.models()}
    counts = Counter(licences.licence(name) for name in names)
    assert counts["cc-by-nc-4.0"] == 45
    own = {name: count for name, count in counts.items() if name.endswith("-license")}
    assert sum(own.values()) + counts[licences.UNKNOWN] == 50
    for name in counts:
        words = licences.terms(name)
        is_open = name in ("apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0")
        assert (words == name) == is_open
        assert ("not for commercial use" in words) == ("nc" in name.split("-"))


def test_what_timm_does_not_know_is_unknown_and_a_bare_name_means_its_default():
    assert "unknown licence" in licences.credit("resnet18.nobodys_in1k")
    assert licences.licence("nonsense") == licences.UNKNOWN
    default = timm.get_pretrained_cfg("resnet18")
    assert licences.licence("resnet18") == licences.licence(f"resnet18.{default.tag}")


def test_licences_of_several_are_said_once():
    names = ["resnet18.a1_in1k", "resnet50.a1_in1k", "convnextv2_atto.fcmae_ft_in1k", "resnet18.tv_in1k"]
    assert (
        licences.together(licences.of_each(names).values())
        == "apache-2.0; bsd-3-clause; cc-by-nc-4.0, not for commercial use"
    )
    assert (
        licences.credits_of(licences.of_each(names[:2]))
        == "Weights: resnet18.a1_in1k, resnet50.a1_in1k: apache-2.0."
    )
    assert licences.credits_of({}) == ""


@pytest.mark.parametrize("name", LITE)
def test_a_package_is_of_whom_it_is_said_to_be(name):
    package = originals.package_of(name)
    installed = distribution(package.name)
    assert installed.metadata["Author"] == package.author
    files = [file for file in installed.files if file.name == "LICENSE"]
    assert "Apache License" in files[0].read_text()
    assert package.licence == "Apache-2.0"
    assert f"converted by {package.author}" in licences.credit(name)
