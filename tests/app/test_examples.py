"""The example photos, and the shipped answers to them."""

import json

import pytest

from app import examples, opening
from snnet import frontier
from snnet.catalogue.figures import figures_of
from snnet.evaluation.provenance import routes
from tests.networks import tiny

RIGHT = {  # any of ImageNet's kinds of cats is right: its labels tell them apart, the photo doesn't
    "bridge.jpg": {"suspension bridge"},
    "volleyball.jpg": {"volleyball"},
    "spaniels.jpg": {"cocker spaniel"},
    "cat.jpg": {"tabby", "tiger cat", "Egyptian cat"},
    "bee.jpg": {"bee"},
    "espresso.jpg": {"espresso"},
}


@pytest.fixture(scope="module")
def bought(service):
    """The labels that each photo gets from the stitches that budgets buy, cheapest first."""
    net, part = service.net, examples.shipped()["lite"]
    costs = [net.cost(stitch).gmacs for stitch in net.stitches]
    values = [accuracy.top1 if (accuracy := net.accuracy(stitch)) else None for stitch in net.stitches]
    places = sorted(frontier.front(costs, values), key=costs.__getitem__)
    return {
        photo: [part["classes"][str(rows[place][0])] for place in places]
        for photo, rows in part["photos"].items()
    }


def test_all_are_recognised_at_the_largest_budget_and_some_only_there(bought):
    assert set(bought) == set(RIGHT) == set(examples.PHOTOS)
    turned = []
    for photo, labels in bought.items():
        is_right = [label in RIGHT[photo] for label in labels]
        assert is_right[-1], f"{photo} is called {labels[-1]}"
        if not is_right[0]:
            first = is_right.index(True)
            assert all(is_right[first:]), f"{photo} turns back: {labels}"
            turned.append(photo)
    assert len(turned) >= 2
    assert sum(len(set(labels)) == 1 for labels in bought.values()) <= 2, "most change with the budget"


def test_they_are_what_the_code_computes(service):
    part = examples.shipped()["lite"]
    net, names = service.net, part["stitches"]
    assert names == [stitch.name for stitch in net.stitches]
    figures = service.networks.figures()
    assert part["weights"] == examples.weights_of(figures_of(net, routes(net)))
    assert part["opening"] == examples.opening_stitch(net)
    assert examples.answers_of(figures) is part
    some = names[::55]
    for photo in ("volleyball.jpg", "bee.jpg"):
        shipped = [part["photos"][photo][names.index(name)] for name in some]
        assert all(map(examples.rows_agree, shipped, examples.rows(net, photo, some))), photo


def test_other_weights_have_none():
    net = tiny()
    assert examples.answers_of(figures_of(net, routes(net))) is None
    assert examples.answers_of(figures_of(net)) is None
    assert examples.answers_of(None) is None


def test_files_agree_but_for_last_digits():
    text = examples.ANSWERS.read_bytes()
    near, far, other = (json.loads(text) for _ in range(3))
    near["lite"]["photos"]["bee.jpg"][0][1] -= 3
    far["lite"]["photos"]["bee.jpg"][0][1] -= 300
    other["lite"]["weights"] = "0"
    assert examples.agree(text, json.dumps(near).encode())
    assert not examples.agree(text, json.dumps(far).encode())
    assert not examples.agree(text, json.dumps(other).encode())
    assert not examples.agree(text, b"{}")


def test_they_are_small_and_their_licences_are_told():
    told = (examples.FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in examples.FOLDER.glob("*.jpg")} == set(examples.PHOTOS)
    for name, photo in examples.PHOTOS.items():
        assert (examples.FOLDER / name).stat().st_size <= 80_000
        assert (examples.FOLDER / "small" / name).stat().st_size <= 8_000
        author = photo.credit.split(",")[0]
        assert any(f"`{name}`" in line and author in line for line in told.splitlines())


def test_the_first_is_answered_in_the_markup_of_a_network_with_answers():
    slots = opening.slots(examples.shipped()["lite"])
    (label, share), *others = examples.opening(examples.shipped()["lite"])
    assert slots["verdict"] == f"{label} · {100 * share:.0f} %"
    assert [slots["bars"].count(f">{one}<") for one, _ in others] == [1] * len(others)
    assert "bridge.jpg" in slots["preview"]
    bare = opening.slots(None)
    assert bare["preview"].endswith("hidden")
    assert bare["bars"].count("<li>") == opening.BARS
