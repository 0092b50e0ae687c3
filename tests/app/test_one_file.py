"""The page in one file: what goes into it, and the command that writes it."""

import base64
import json
import re

import pytest

from app import main as command
from app import one_file, shipped
from app.figures import chart
from tests.networks import tiny


def test_every_module_is_there_and_asks_for_no_file():
    modules = one_file.bundle(one_file.START)
    texts = {name: base64.b64decode(address.split(",")[1]).decode() for name, address in modules.items()}
    some = ("still.js", "core.js", "network/route.js", "chart/chart.js")
    assert {f"explorer/{name}" for name in some} <= set(texts)
    for text in texts.values():
        assert set(re.findall(r'^import .*"(.*)";$', text, re.MULTILINE)) <= set(texts)
        assert 'from "./' not in text


def test_an_import_that_is_not_understood_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text('import {\n  b,\n} from "./b.js";\nconst c = import("./b.js");\n')
    monkeypatch.setattr(shipped, "shipped", tmp_path.joinpath)
    with pytest.raises(ValueError, match=r"a\.js.*write it as import"):
        one_file.bundle("a.js")


def test_what_needs_a_server_is_left_out():
    markup = one_file.markup("A & B", chart.head(None))
    assert "<option>A &amp; B</option>" in markup
    for element in ("sn-drop", "sn-fetch-go", "sn-answer"):
        assert f'id="{element}"' not in markup
    for element in ("sn-plot", "sn-slider", "sn-route-map"):
        assert f'id="{element}"' in markup
    assert "<!--" not in markup


def test_the_command_writes_it(tmp_path, capsys):
    file = tmp_path / "made" / "page.html"
    assert command.main("app.py", ["--network", "lite", "--write-page", str(file)]) == 0
    assert f"wrote {file}" in capsys.readouterr().out
    text = file.read_text(encoding="utf-8")
    assert 4e6 < len(text) < 8e6
    data = json.loads(re.search(r'id="sn-data">(.*?)</script>', text)[1])
    assert data["layer"]["name"] == "lite"
    assert set(data["layer"]["drawing"]["routes"]) == {row["name"] for row in data["layer"]["stitches"]}
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="(?!data:)', text)


def test_a_title_from_elsewhere_is_text_and_nothing_else(tmp_path):
    net = tiny()
    net.title = "</script><script>pwned=1</script><img src=x onerror=pwned=2>${pwned=3}<!-- -->"
    net.save(tmp_path / "own")
    file = tmp_path / "page.html"
    assert command.main("app.py", ["--network", str(tmp_path / "own"), "--write-page", str(file)]) == 0
    text = file.read_text(encoding="utf-8")
    assert "<script>pwned" not in text
    assert "<img src=x" not in text
    assert json.loads(re.search(r'id="sn-data">(.*?)</script>', text)[1])["layer"]["title"] == net.title


@pytest.mark.parametrize(
    ("network", "below", "sentence"),
    [
        ("nonsense", "page.html", "app.py: no network 'nonsense': the catalogue has lite"),
        ("lite", "file/page.html", "app.py: "),  # no folder can be made there
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, capsys, network, below, sentence):
    (tmp_path / "file").write_text("no folder")
    assert command.main("app.py", ["--network", network, "--write-page", str(tmp_path / below)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1
    assert not said.out
