"""Who may measure from the page."""

import pytest

from app import main as command
from app.measuring.loopback import check_sender, is_loopback, refusal


class TestRefusal:
    @pytest.mark.parametrize("host", [None, "127.0.0.1", "127.3.2.1", "localhost", "::1", "[::1]"])
    def test_this_machine_alone_may(self, host):
        assert refusal(host, False, {}) is None

    @pytest.mark.parametrize(
        ("host", "share", "environment", "word"),
        [
            (None, True, {}, "--share"),
            ("0.0.0.0", False, {}, "--host 0.0.0.0"),
            ("192.168.1.5", False, {}, "--host 192.168.1.5"),
            ("example.org", False, {}, "--host example.org"),
            ("localhost.example.org", False, {}, "--host localhost.example.org"),
            (None, False, {"GRADIO_SERVER_NAME": "0.0.0.0"}, "GRADIO_SERVER_NAME 0.0.0.0"),
            (None, False, {"GRADIO_SHARE": "True"}, "GRADIO_SHARE=True"),
            (None, False, {"SPACE_ID": "someone/space"}, "Space"),
            (None, False, {"SYSTEM": "spaces"}, "Space"),
        ],
    )
    def test_what_serves_others_may_not(self, host, share, environment, word):
        sentence = refusal(host, share, environment)
        assert word in sentence
        assert "\n" not in sentence

    def test_the_command_says_it_in_one_line(self, capsys):
        for words in (["--share"], ["--host", "0.0.0.0"]):
            assert command.main("app.py", ["--backend", *words]) == 2
            said = capsys.readouterr().err
            assert said.startswith("app.py: --backend reads this machine's files, and ")
            assert said.count("\n") == 1

    @pytest.mark.parametrize(
        "headers",
        [
            {"host": "127.0.0.1:7860", "origin": "http://evil.example"},
            {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:9999"},  # another app of this machine
            {"host": "127.0.0.1:7860", "origin": "null"},
            {
                "host": "evil.example:7860",
                "origin": "http://evil.example:7860",
            },  # a name that came to point here
            {},
        ],
    )
    def test_another_page_may_not_drive_it(self, headers):
        with pytest.raises(PermissionError, match="measuring is"):
            check_sender(headers)

    def test_its_own_page_may(self):
        check_sender({"host": "localhost:7860", "origin": "http://localhost:7860"})
        check_sender({"host": "[::1]:7860", "origin": "http://[::1]:7860"})
        check_sender({"host": "127.0.0.1:7860"})  # no browser
        assert not is_loopback("")
