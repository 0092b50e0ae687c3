"""The command's options, as far as they are judged before anything is served."""

import pytest

from app import main as command


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("/", ""),
        ("/explorer", "/explorer"),
        ("explorer/", "/explorer"),
        ("/a/b/", "/a/b"),
        ("https://example.org/explorer/", "https://example.org/explorer"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_a_proxys_path_in_any_spelling(text, path):
    assert command._root_path(text) == path


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--root-path", "/a b"), "--root-path '/a b' is no path: name one like /explorer"),
        (("--root-path", '/"><script>'), "is no path"),
        (("--root-path", "https://"), "is no path"),
        (("--root-path", "/explorer", "--backend"), "--root-path serves others: leave one out"),
        (("--uploads-gb", "0"), "uploads of 0 GB: name a size above 0"),
    ],
)
def test_what_goes_not_is_one_line(options, sentence, capsys):
    assert command.main("app.py", options) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
