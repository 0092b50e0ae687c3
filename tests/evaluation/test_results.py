import threading

import pytest
import torch

from snnet.evaluation import provenance, results
from snnet.evaluation.results import Result
from snnet.evaluation.store import Store
from snnet.optional import MissingWarning
from tests.networks import tiny


def result(**changes):
    values = {
        "route": "r",
        "photos": "p",
        "transform": "t",
        "precision": "float32",
        "total": 3,
        "top1": 1,
        "top5": 2,
        "per_class": {4: (2, 1, 1), 11: (1, 0, 1)},
        "photos_about": "three photos, a comma; and a “quote”",
        "measured_on": "2026-01-02",
        "network": "n",
        "stitch": "s",
    }
    return Result(**(values | changes))


def test_a_store_gives_back_what_was_put(tmp_path):
    store = Store(tmp_path / "deep" / "results.sqlite")
    assert store.all() == []
    assert not store.file.parent.exists()
    rows = [result(), result(precision="bfloat16"), result(photos="q", top1=2)]
    store.put(rows)
    assert sorted(store.all(), key=lambda r: r.key) == sorted(rows, key=lambda r: r.key)


def test_the_same_key_is_replaced(tmp_path):
    store = Store(tmp_path / "results.sqlite")
    store.put([result(top1=1)])
    store.put([result(top1=3)])
    assert [r.top1 for r in store.all()] == [3]


def test_a_damaged_store_is_named(tmp_path):
    store = Store(tmp_path / "results.sqlite")
    store.file.write_bytes(b"not a database, and longer than a header of one would be " * 40)
    for call in (store.all, lambda: store.put([result()]), lambda: store.progress("r")):
        with pytest.raises(OSError, match=r"results\.sqlite are damaged .*results --salvage"):
            call()
    with pytest.warns(MissingWarning, match=r"fingerprints of photos are left out: .*results --salvage"):
        assert store.fingerprints.get(("p", 1, 2)) is None  # photos are read without


def test_threads_share_a_store(tmp_path):
    store = Store(tmp_path / "results.sqlite")
    threads = [threading.Thread(target=store.put, args=([result(route=str(n))],)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {r.route for r in store.all()} == {str(n) for n in range(20)}


def test_a_table_gives_back_what_was_written(tmp_path):
    rows = [result(), result(route="other")]
    results.write_table(rows, tmp_path / "table.csv")
    assert results.read_table(tmp_path / "table.csv") == rows


def test_the_home_can_be_moved(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_HOME", str(tmp_path / "elsewhere"))
    Store().put([result()])
    assert (tmp_path / "elsewhere" / "results.sqlite").is_file()


class TestRoutes:
    def test_are_all_different_and_stable(self):
        one, two = provenance.routes(tiny(seed=1)), provenance.routes(tiny(seed=1))
        assert one == two
        by_way = {}
        for stitch in tiny().stitches:
            by_way.setdefault((stitch.legs, stitch.layers), set()).add(one[stitch.name])
        assert all(
            len(found) == 1 for found in by_way.values()
        )  # the size is in the transform, not the route
        assert len({next(iter(found)) for found in by_way.values()}) == len(by_way)

    @pytest.mark.parametrize("part", ["layer", "block", "head", "buffer"])
    def test_change_only_where_a_tensor_changed(self, part):
        net = tiny()
        before = provenance.routes(net)
        stitch = next(s for s in net.stitches if not s.is_anchor)
        piece = {"layer": "layer", "block": "block", "head": "head", "buffer": "block"}[part]
        changed = next(p for p in reversed(stitch.parts) if p.kind == piece)
        tensors = net.tensors(changed)
        name = next(n for n in tensors if ("running_mean" in n) == (part == "buffer"))
        with torch.no_grad():
            tensors[name].view(-1)[0] += 1e-3
        after = provenance.routes(net)
        for s in net.stitches:
            assert (before[s.name] != after[s.name]) == (changed in s.parts), s.name

    def test_layout_in_memory_does_not_matter(self):
        net = tiny()
        before = provenance.routes(net)
        assert provenance.routes(net.to(memory_format=torch.channels_last)) == before


def test_known_results_are_those_of_these_weights_and_transforms(tmp_path):
    net = tiny()
    store = Store(tmp_path / "results.sqlite")
    routes = provenance.routes(net)
    stitch = net.stitches[3]
    key = net.transform(stitch).key
    store.put(
        [
            result(route=routes[stitch.name], transform=key),
            result(route=routes[stitch.name], transform="another"),
            result(route="another", transform=key),
        ]
    )
    assert [s.name for s, _ in provenance.results_of(net, store)] == [stitch.name]
