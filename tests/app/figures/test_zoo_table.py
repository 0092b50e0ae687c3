"""The zoo's table for the browser, and timm's figures on other sets."""

import json

import orjson

from app import one_file, shipped
from app.figures import zoo_table
from snnet.evaluation import accuracy
from snnet.tables import zoo


class TestTable:
    def test_it_is_the_zoo_by_columns(self):
        found = json.loads(json.dumps(zoo_table.table(), allow_nan=False))
        columns = found["columns"]
        assert {len(column) for column in columns.values()} == {len(zoo.models())}
        kinds = list(found["pretraining"])
        for row, model in enumerate(zoo.models()):
            assert (columns["name"][row], columns["image_size"][row]) == (model.name, model.image_size)
            assert found["families"][columns["family"][row]] == model.family
            assert kinds[columns["pretraining"][row]] == model.pretraining
            for key in found["sets"]:
                assert columns[key][row] == getattr(model, key)

    def test_what_is_not_timms_is_said(self):
        notes = zoo_table.table()["notes"]
        assert {str(place) for place, m in enumerate(zoo.models()) if m.note} == set(notes)
        orjson.dumps(zoo_table.table())  # which the page is sent by: it takes texts as keys alone

    def test_sets_of_fewer_classes_say_how_many(self):
        assert [key for key, words in zoo_table.SETS.items() if "(200 classes)" in words] == ["a", "r"]

    def test_what_the_validation_photos_chose_is_said_once(self):
        page = "".join(shipped.text(f"{name}.html") for name in ("explorer", *one_file.PARTS, "stage/stage"))
        assert page.count("validation photos also chose many of these models") == 1


class TestOtherSets:
    def test_unchanged_anchors_at_their_published_size_have_timms_figures(self, service):
        rows = {row["name"]: row["sets"] for row in service.network()["stitches"]}
        models = {(m.name, m.image_size): m for m in zoo.models()}
        known = {name: sets for name, sets in rows.items() if sets}
        assert len(known) == len(service.net.anchors) == 3
        for name, sets in known.items():
            stitch = service.net.stitch(name)
            assert stitch.is_anchor
            model = models[service.net.anchors[stitch.anchors[0]].weights, stitch.image_size]
            assert sets == {key: getattr(model, key) for key in zoo_table.SETS}
            assert sets["top1"] == service.net.accuracy(stitch).top1

    def test_joint_trained_anchors_have_none(self):
        from snnet.catalogue import families, published

        net = published.outline("levit")
        net.reported = families.reported(net)
        assert [zoo_table.on_sets(net, stitch) for stitch in net.stitches] == [None] * len(net.stitches)

    def test_the_row_of_an_anchor_is_what_its_published_accuracy_is_from(self, service):
        for stitch in service.net.stitches:
            row, known = accuracy.timm_row(service.net, stitch), accuracy.published(service.net, stitch)
            assert (row is None) == (known is None)
