"""Files of weights from strangers: code, headers that lie, and archives that grow."""

import json
import os
import pickle
import struct
import zipfile

import pytest
import torch

from snnet.weights.files import WeightsError, read_checkpoint


class Code:
    """What runs where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("was-run",)


def sentence(file):
    with pytest.raises(WeightsError) as caught:
        read_checkpoint(file, "fetch it again")
    text = str(caught.value)
    assert text.startswith(str(file))
    assert text.endswith(": fetch it again")
    assert "\n" not in text
    return text


def test_tensors_are_read(tmp_path):
    tensors = {"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.half)}
    torch.save({"model": {"model": tensors}}, tmp_path / "x.pth")
    for name, tensor in read_checkpoint(tmp_path / "x.pth", "").items():
        assert torch.equal(tensor, tensors[name])


@pytest.mark.parametrize("old", [False, True])
def test_no_code_is_run(tmp_path, monkeypatch, old):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.ones(1), "b": Code()}, "x.pth", _use_new_zipfile_serialization=not old)
    with open("y.pth", "wb") as file:
        pickle.dump(Code(), file)
    for name in ("x.pth", "y.pth"):
        assert "can't be read" in sentence(tmp_path / name)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("length", [8, 1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_safetensors_header_that_lies_is_refused(tmp_path, length):
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", length) + b"{" * 100)
    assert "can't be read" in sentence(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "header",
    [
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}},
        {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
        {"../../x": {"dtype": "code", "shape": [1], "data_offsets": [0, 4]}},
        [[]] * 1000,
    ],
)
def test_safetensors_of_sizes_that_are_not_there_are_refused(tmp_path, header):
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
    assert "can't be read" in sentence(tmp_path / "x.safetensors")


def test_tensors_larger_than_their_file_are_refused(tmp_path):
    torch.save({"a": torch.ones(1).expand(1 << 40)}, tmp_path / "x.pth")
    assert "a tensor larger than itself, 'a'" in sentence(tmp_path / "x.pth")


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(1 << 40, device="meta"),
        lambda: torch.sparse_coo_tensor([[0]], [1.0], (1 << 40,)),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
    ],
    ids=["meta", "sparse", "quantised"],
)
@pytest.mark.filterwarnings("ignore")
def test_tensors_of_no_plain_kind_are_refused(tmp_path, make):
    torch.save({"a": make()}, tmp_path / "x.pth")
    sentence(tmp_path / "x.pth")


def test_an_archive_that_would_grow_is_refused(tmp_path):
    torch.save({"a": torch.zeros(1 << 20)}, tmp_path / "x.pth")
    with (
        zipfile.ZipFile(tmp_path / "x.pth") as plain,
        zipfile.ZipFile(tmp_path / "y.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    assert (tmp_path / "y.pth").stat().st_size < 100_000
    assert "it is compressed, as PyTorch writes none" in sentence(tmp_path / "y.pth")


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": 1}, {"model": {"model": 3}}, torch.ones(1)])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    assert "holds no state dict of tensors" in sentence(tmp_path / "x.pth")
