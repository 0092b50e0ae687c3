"""A run's log and its checkpoint where the disk or the files fail."""

import os
import shutil

import pytest
import torch

from snnet.optional import MissingWarning
from snnet.training import checkpoint, log
from snnet.training.plan import TrainingError
from tests.limits import disk_of, folder_that_is_only_read

ROW = dict.fromkeys(log.COLUMNS, 1.0) | {"stitch": "a"}


def write(folder, steps, first=0):
    lines = log.Log(folder, first)
    for step in steps:
        lines.write(ROW | {"step": step})
    lines.close()


def steps(folder):
    return [int(row["step"]) for row in log.read(folder)]


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path):
    write(tmp_path, range(1, 13))
    file = tmp_path / log.CSV
    text = file.read_text()
    file.write_text(text[: text.rindex("12,") + 1])  # of step 12 a "1" is left
    write(tmp_path, [12, 13], first=11)
    assert steps(tmp_path) == list(range(1, 14))


@pytest.mark.parametrize("damage", [b"\xff\xfe" * 50, b"step\nmany\n", b""])
def test_a_damaged_one_is_begun_anew(tmp_path, damage):
    write(tmp_path, range(1, 4))
    with (tmp_path / log.CSV).open("ab") as file:
        file.write(damage)
    if damage.startswith(b"\xff"):
        with pytest.warns(MissingWarning, match=r"what .*log\.csv had of earlier steps is left out"):
            write(tmp_path, [4], first=3)
        assert steps(tmp_path) == [4]
    else:
        write(tmp_path, [4], first=3)
        assert steps(tmp_path) == [1, 2, 3, 4]


def test_none_is_written_where_it_can_not_be(tmp_path):
    (tmp_path / "run").mkdir()
    what = "the log of the run in .*run is, from here on, left out"
    with folder_that_is_only_read(tmp_path / "run"), pytest.warns(MissingWarning, match=what):
        write(tmp_path / "run", [1, 2])
    assert not os.listdir(tmp_path / "run")


def test_a_full_disk_ends_the_log_alone(tmp_path):
    with disk_of(200), pytest.warns(MissingWarning, match="the log of the run in .* left out: .*too large"):
        write(tmp_path, range(1, 50))
    assert 0 < len(log.read(tmp_path)) < 49


class TestCheckpoint:
    def test_a_full_disk_leaves_the_one_before(self, tmp_path):
        run, state = {"recipe": {}}, {"step": 1, "tensors": {"a": torch.ones(10)}}
        checkpoint.write(tmp_path, run, state)
        full = pytest.raises(TrainingError, match=r"checkpoint\.pt can't be written \(.*last checkpoint")
        with disk_of(5000), full:
            checkpoint.write(tmp_path, run, state | {"step": 2, "tensors": {"a": torch.ones(10**5)}})
        assert checkpoint.read(tmp_path, run)["step"] == 1
        assert os.listdir(tmp_path) == [checkpoint.CHECKPOINT]

    def test_every_byte_that_changed_is_seen(self, tmp_path):
        run = {"recipe": {}}
        checkpoint.write(tmp_path, run, {"step": 1, "tensors": {"a": torch.arange(1000.0)}})
        file = tmp_path / checkpoint.CHECKPOINT
        data = file.read_bytes()
        for place in range(0, len(data), 97):
            file.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
            try:
                state = checkpoint.read(tmp_path, run)
            except TrainingError as error:
                assert "checkpoint.pt" in str(error) or str(tmp_path) in str(error)  # noqa: PT017
            else:  # bytes between the records, that say nothing
                assert torch.equal(state["tensors"]["a"], torch.arange(1000.0))

    def test_room_and_the_right_to_write_are_looked_for_beforehand(self, tmp_path):
        with pytest.raises(TrainingError, match=r"can't be written \(the disk is full: .* MB are needed"):
            checkpoint.check(tmp_path / "run", 1 << 60, 1)
        assert not (tmp_path / "run").exists()
        (tmp_path / "run").mkdir()
        refused = pytest.raises(TrainingError, match="can't be written")
        with folder_that_is_only_read(tmp_path / "run"), refused:
            checkpoint.check(tmp_path / "run", 1, 1)
        shutil.rmtree(tmp_path / "run")
        (tmp_path / "run").write_text("a file")
        with pytest.raises(TrainingError, match=r"run is a file, where a folder is needed"):
            checkpoint.check(tmp_path / "run", 1, 1)
        (tmp_path / "other").mkdir()
        checkpoint.check(tmp_path / "other", 1, 1)
        assert not os.listdir(tmp_path / "other")
