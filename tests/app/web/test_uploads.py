"""The folder of uploads: bounded, private, and gone when its process is."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.web.refusal import Refusal
from app.web.uploads import NAME, Uploads
from snnet.files import WriteError
from tests.limits import disk, folder_that_is_only_read, full


@pytest.fixture
def uploads(tmp_path):
    uploads = Uploads(1e-6, parent=tmp_path)  # 1,000 bytes
    yield uploads
    uploads.close()


def put(uploads, size, name="photo.jpg"):
    with uploads.writing(name) as upload:
        upload.write(b"x" * size)
    return upload.path


def on_disk(uploads):
    return sum(file.stat().st_size for file in uploads.folder.rglob("*") if file.is_file())


def test_the_longest_unused_goes_first(uploads):
    first, second = put(uploads, 400), put(uploads, 400)
    with uploads.reading({"path": first}):
        pass
    third = put(uploads, 400)
    assert [Path(path).exists() for path in (first, second, third)] == [True, False, True]
    with pytest.raises(ValueError, match="No photo was uploaded"), uploads.reading({"path": second}):
        pass


def test_what_is_read_stays_and_the_newcomer_is_refused(uploads):
    first = put(uploads, 800)
    with uploads.reading({"path": first}) as path:
        with pytest.raises(Refusal, match="no room") as refusal:
            put(uploads, 400)
        assert Path(path).stat().st_size == 800
    assert refusal.value.status == 503
    assert uploads.size == on_disk(uploads) == 800
    put(uploads, 400)
    assert not Path(first).exists()


def test_many_at_once_never_take_more_than_the_bound(uploads):
    largest = 0

    def send():
        nonlocal largest
        for _ in range(20):
            try:
                put(uploads, 300)
            except Refusal:
                continue
            largest = max(largest, uploads.size)

    senders = [threading.Thread(target=send) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert largest <= 1000
    assert uploads.size == on_disk(uploads) <= 1000


def test_what_failed_half_way_leaves_nothing(uploads):
    def half():
        with uploads.writing("photo.jpg") as upload:
            upload.write(b"x" * 300)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        half()
    assert uploads.size == on_disk(uploads) == 0
    with pytest.raises(Refusal):
        put(uploads, 2000)
    assert uploads.size == on_disk(uploads) == 0


def test_nobody_asking_for_long_it_is_removed(tmp_path):
    uploads = Uploads(1, age_s=0, parent=tmp_path)
    path = put(uploads, 10)
    with uploads.reading({"path": path}):
        uploads.sweep()
        assert Path(path).exists()
    uploads.sweep()
    assert not Path(path).exists()
    assert uploads.size == 0
    uploads.close()


NAMES = ["../../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "..", ".", "", "a/b/", "\0", ".bashrc"]
NAMES += ["<img src=x onerror=alert(1)>.jpg", "con\r\nSet-Cookie: a=b", "läion 1.jpg", "x" * 4000, "ü" * 4000]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_becomes_one_of_the_folder(uploads, name):
    path = Path(put(uploads, 1, name))
    assert path.parent.parent == uploads.folder
    assert path.read_bytes() == b"x"
    assert not set("<>\r\n\0\\") & set(path.name)
    assert not path.name.startswith(".")


def test_no_path_but_those_given_out(uploads, tmp_path):
    path = put(uploads, 10)
    other = tmp_path / "private.jpg"
    other.write_bytes(b"private")
    link = uploads.folder / "link.jpg"
    link.symlink_to(other)
    inside = uploads.folder / "planted.jpg"
    inside.write_bytes(b"x")
    strangers = [str(other), str(link), str(inside), str(uploads.folder), f"{path}/", f"{path}\0", ""]
    strangers += [
        str(Path(path).parent / ".." / ".." / "private.jpg"),
        f"file://{path}",
        "http://example.org/a.jpg",
    ]
    for stranger in [*strangers, None, 5, [path], {"path": path}]:
        with pytest.raises(ValueError, match="No photo was uploaded"), uploads.reading({"path": stranger}):
            pass
    for image in (path, None, [], 3):
        with pytest.raises(ValueError, match="No photo was uploaded"), uploads.reading(image):
            pass


def test_paths_are_not_guessed_and_the_folder_is_its_owners(uploads):
    first, second = (Path(put(uploads, 10, "same.jpg")) for _ in range(2))  # the same content
    assert first.parent != second.parent
    assert len(first.parent.name) >= 22  # 128 bits and more, 6 a letter
    assert stat.S_IMODE(uploads.folder.stat().st_mode) == 0o700


def test_a_killed_apps_folder_is_swept_and_a_living_ones_is_not(tmp_path, uploads):
    code = "import sys, os; from app.web.uploads import Uploads; u = Uploads(1, parent=sys.argv[1])\n"
    code += "with u.writing('photo.jpg') as upload: upload.write(b'x')\n"
    code += "print(u.folder, flush=True); os.kill(os.getpid(), 9)"
    root = Path(__file__).resolve().parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, capture_output=True, text=True
    )
    dead = Path(killed.stdout.strip())
    assert (dead / "lock").exists()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "photo.jpg").touch()
    link = tmp_path / f"{NAME}link"
    link.symlink_to(elsewhere)
    Uploads(1, parent=tmp_path).close()
    assert not dead.exists()
    assert uploads.folder.exists()
    assert os.listdir(elsewhere) == ["photo.jpg"]


@pytest.mark.parametrize("size", [0, -1, float("nan")])
def test_a_bound_is_above_nothing(size, tmp_path):
    with pytest.raises(ValueError, match="above 0"):
        Uploads(size, parent=tmp_path)


def test_a_full_disk_is_said_and_trying_again_helps(tmp_path):
    with disk(tmp_path / "disk", "size=1m") as place:
        uploads = Uploads(parent=place)
        photos = [put(uploads, 400_000) for _ in range(2)]
        with uploads.reading({"path": photos[1]}):
            with pytest.raises(Refusal, match="no room for another photo just now: try again") as told:
                put(uploads, 400_000)
            assert told.value.status == 503
            assert uploads.size == on_disk(uploads) == 400_000  # the other is being read
            put(uploads, 400_000)
        with full(place), pytest.raises(Refusal, match="no room"):
            put(uploads, 1000)
        uploads.close()


def test_a_folder_that_takes_none_is_said_with_what_helps(tmp_path):
    with disk(tmp_path / "disk", "size=1m,nr_inodes=1") as place:
        with pytest.raises(
            WriteError, match=r"can't be kept in .*disk \(the disk takes no more files"
        ) as told:
            Uploads(parent=place)
        assert "let TMPDIR name another folder on another disk" in str(told.value)
    with folder_that_is_only_read(tmp_path), pytest.raises(WriteError, match=r"is write-protected\): chmod"):
        Uploads(parent=tmp_path)
    (tmp_path / "other").mkdir()
    Uploads(parent=tmp_path / "other").close()
