"""Writing beside and moving there: what is left where it fails, and the sentence, which helps."""

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from snnet import files
from snnet.files import WriteError
from tests.limits import disk, disk_of, folder_that_is_only_read, full, give_away, only_read

ROOT = Path(__file__).parents[1]


def refused(file, words, text="new", **options):
    """Return the sentence of a refusal that leaves nothing behind, and all else as it was."""
    before = contents(file.parent)
    with pytest.raises(WriteError, match=words) as told:
        files.write_text(file, text, **options)
    assert contents(file.parent) == before
    assert "\n" not in str(told.value)
    return str(told.value)


def contents(folder):
    if not folder.is_dir():
        return None
    return {p.name: p.read_bytes() if p.is_file() else None for p in sorted(folder.iterdir())}


def half(part):
    part.write_text("half")
    return 1 / 0


@pytest.fixture
def file(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "table.csv"


@pytest.mark.parametrize("old", [None, "old"])
def test_a_file_is_there_whole(file, old):
    if old:
        file.write_text(old)
        file.chmod(0o640)
    files.write_text(file, "übung\n")
    assert file.read_bytes() == "übung\n".encode()
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(file.stat().st_mode) == (0o640 if old else 0o666 & ~mask)
    assert os.listdir(file.parent) == [file.name]


def test_folders_are_made_and_unmade(tmp_path):
    files.write_text(tmp_path / "a" / "b" / "c.txt", "c")
    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "c"
    with pytest.raises(KeyError), files.whole(tmp_path / "d" / "e" / "f.txt"):
        raise KeyError
    files.check(tmp_path / "d" / "e" / "f.txt")
    assert not (tmp_path / "d").exists()


def test_what_fails_half_way_leaves_the_old(file):
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), files.whole(file) as part:
        half(part)
    assert contents(file.parent) == {file.name: b"old"}


def test_several_are_there_together_or_not_at_all(tmp_path):
    names = [tmp_path / name for name in "abc"]
    names[1].write_text("old")
    with pytest.raises(ZeroDivisionError), files.all_whole(names) as parts:
        half(parts[0])
    assert contents(tmp_path) == {"b": b"old"}
    (tmp_path / "c").mkdir()
    with pytest.raises(WriteError, match="c can't be written"), files.all_whole(names):
        raise AssertionError
    (tmp_path / "c").rmdir()
    with files.all_whole(names) as parts:
        for part in parts:
            part.write_text("new")
    assert contents(tmp_path) == dict.fromkeys("abc", b"new")


def test_a_link_is_followed(file, tmp_path):
    file.symlink_to(tmp_path / "target.csv")
    files.write_text(file, "new")
    assert file.is_symlink()
    assert (tmp_path / "target.csv").read_text() == "new"


def test_a_pipe_and_a_device_are_written_straight(tmp_path):
    code = "from pathlib import Path; from snnet import files; files.write_text(Path('/dev/stdout'), 'text')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "text"
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=out, check=True)
    assert (tmp_path / "out").read_text() == "text"
    with pytest.raises(WriteError, match="/dev/full can't be written"):
        files.write_text(Path("/dev/full"), "text")


def test_what_a_killed_process_left_is_removed(file):
    code = (
        "import os, signal; from pathlib import Path; from snnet import files\n"
        f"with files.whole(Path({str(file)!r})) as part:\n"
        "    part.write_bytes(bytes(1000)); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert len(os.listdir(file.parent)) == 1
    with files.whole(file):  # one that lives is left alone
        files.write_text(file, "other")
        assert len(os.listdir(file.parent)) == 2
    assert os.listdir(file.parent) == [file.name]


def test_a_full_disk(tmp_path):
    with disk(tmp_path / "disk", "size=256k") as place:
        file = place / "table.csv"
        file.write_text("old")
        with full(place, but=8192):
            words = (
                r"table\.csv can't be written \(the disk is full: 20\.0 kB are needed and (.*) kB are free\)"
            )
            sentence = refused(
                file, f"{words}: make room, or name another file on another disk", "x" * 20_000
            )
            assert 0 < float(re.search(words, sentence)[1]) < 20
        with (
            pytest.raises(WriteError, match="the disk is full"),
            files.whole(file) as part,
        ):  # not known before
            part.write_bytes(bytes(1 << 20))
        assert contents(place) == {file.name: b"old"}
        files.write_text(file, "x" * 20_000)  # there is room now
        files.write_text(tmp_path / "elsewhere.csv", "x" * 20_000)


def test_a_disk_without_room_for_another_file(tmp_path):
    with disk(tmp_path / "disk", "size=256k,nr_inodes=4") as place:
        for number in range(3):
            (place / str(number)).touch()
        sentence = refused(place / "new", "takes no more files, however small")
        assert "delete some" in sentence
        (place / "0").unlink()
        files.write_text(place / "new", "new")


def test_a_disk_that_is_only_read(tmp_path):
    with disk(tmp_path / "disk", "size=256k") as place:
        with only_read(place):
            assert "chmod" not in refused(place / "new", "its file system can only be read.*on another disk")
        files.write_text(place / "new", "new")


def test_a_limit_of_files(file):
    with disk_of(1000):
        refused(file, "may not grow that large here.*`ulimit -f`", "x" * 2000)
    files.write_text(file, "x" * 2000)


def test_protected_folders_and_files(file):
    with folder_that_is_only_read(file.parent):
        sentence = refused(file, r"out is write-protected\): chmod u\+rwx \S*out, or name")
        subprocess.run(re.search(r"chmod \S+ [^,]+", sentence)[0].split(), check=True)
        files.write_text(file, "new")
    with folder_that_is_only_read(file.parent):
        file.parent.chmod(0o755)
        sentence = refused(file, r"table\.csv is write-protected\): chmod u\+rw ")
        subprocess.run(re.search(r"chmod \S+ [^,]+", sentence)[0].split(), check=True)
        files.write_text(file, "newer")
    assert file.read_text() == "newer"


def test_a_folder_in_place_of_the_file(file):
    (file / "in it").mkdir(parents=True)
    refused(file, "a folder has that name.*move the folder away, or name another")
    file.rename(file.parent / "away")
    files.write_text(file, "new")


def test_a_file_in_place_of_the_folder(file):
    file.write_text("a file")
    for below in (file / "table.csv", file / "more" / "table.csv"):
        assert f"{file} is a file, where a folder is needed" in refused(below, "move that file away")
    file.unlink()
    files.write_text(file / "more" / "table.csv", "new")


def test_a_name_that_is_too_long(file):
    long = file.with_name("é" * 200 + ".csv")
    assert "404 bytes, where 255 are the most" in refused(long, "shorten the name")
    longest = file.with_name("é" * 127)
    files.write_text(longest, "new")
    assert contents(file.parent) == {longest.name: b"new"}


@pytest.mark.parametrize("number", [errno.EIO, errno.EDQUOT, errno.EMFILE])
def test_other_reasons(file, monkeypatch, number):
    """What can't be made to happen here: the system says it."""

    def fails(*_):
        raise OSError(number, os.strerror(number))

    file.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        refused(file, r"table\.csv can't be written \(")
    files.write_text(file, "new")


def test_another_users_folder(file):
    give_away(file.parent)
    with folder_that_is_only_read(file.parent):
        sentence = refused(file, r"belongs to \w+, and you can't write there\): name another file")
    assert "chmod" not in sentence
