"""Every refusal of the project has a test that makes it happen and applies its remedy."""

from tests.refusals.sites import marked_tests, named, sites

_KEPT = "a remark within the sentence on a file that is kept here: tests/evaluation"
_FETCHED = "a reason within the sentence of sources.py: tests/weights/test_sources.py"
_PROGRAM = "of programs that call the library, with nothing to do but call it otherwise"
# Refusals that no remedy is applied to, by file and a piece of their source, with the reason.
WITHOUT = {
    "app/answers.py: answer['error']": "the answer's own sentence: tests/app/test_answers.py",
    "app/networks.py: fetch": "the fetch's own sentence, of snnet/weights",
    "app/page.py: sentence(error)": "the sentence of what was asked",
    "app/page.py: see its description": "of programs: tests/app/test_endpoints.py",
    "app/web/uploads.py: NO_ROOM": "it asks to try again: tests/app/web",
    "app/zoo_models.py: silence": "the answer's own sentence: tests/app/test_zoo_models.py",
    "snnet/__init__.py: has no attribute": _PROGRAM,
    "snnet/deprecated.py: has no attribute": _PROGRAM,
    "snnet/evaluation/counts.py: ": _KEPT,
    "snnet/evaluation/hits.py: ": _KEPT,
    "snnet/evaluation/intervals.py: were not measured on the same photos": _PROGRAM,
    "snnet/evaluation/salvage.py: ": _KEPT,
    "snnet/evaluation/store.py: the checksum differs": _KEPT,
    "snnet/evaluation/store.py: the bits are not": _KEPT,
    "snnet/network/counting.py: count a copy": _PROGRAM,
    "snnet/network/match_norms.py: are broken": "it names the norm: tests/network/test_own_norms.py",
    "snnet/photos/announced.py: EOFError": "decode's own: it breaks off, tests/photos/test_foreign.py",
    "snnet/photos/decode.py: EOFError": "decode's own: it breaks off",
    "snnet/photos/decode.py: values are not finite": "decode's own: it is damaged",
    "snnet/photos/decode.py: {title} has {_TOO_LARGE}": "Pillow's own limit, behind ours",
    "snnet/photos/decode.py: _unread(": "of a disk or network that fails: tests/photos/test_broken.py",
    "snnet/training/run.py: checkpoint.stop(": "made by checkpoint.py, whose tests apply it",
    "snnet/weights/sources.py: Failure(": _FETCHED,
    "snnet/weights/transfer.py: ": _FETCHED,
}


def test_every_refusal_is_made_and_mended():
    marked = {named(name) for name in marked_tests()}

    def is_without(site):
        return any(
            site.file == file and piece in site.text
            for file, _, piece in (name.partition(": ") for name in WITHOUT)
        )

    missing = [site.name for site in sites() if site not in marked and not is_without(site)]
    assert not missing, f"{len(missing)} refusals without a test that mends them:\n" + "\n".join(missing)


def test_what_is_left_out_is_there():
    for name in WITHOUT:
        file, _, piece = name.partition(": ")
        assert any(site.file == file and piece in site.text for site in sites()), name
