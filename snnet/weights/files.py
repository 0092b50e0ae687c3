"""Files of weights, read safely, and the words for one that is not what is needed."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Size


_MOST_WRAPPERS = 4  # "model" in "model" …


class _Unsound(ValueError):
    """A file that is made to do harm; the text says how."""


class WeightsError(RuntimeError):
    """A file of weights is missing, damaged or of another network; the text names it and says what to do."""


def read_checkpoint(file: Path, remedy: str) -> dict[str, Any]:
    """Return the tensors of a PyTorch or safetensors file by name, unwrapped from {"model": …}.

    Nothing but tensors is unpickled, and none that is larger than the file. Raises WeightsError, ending in
    `remedy`, if the file can't be read.
    """
    import safetensors.torch
    import torch

    check_opens(file, remedy)
    try:
        if file.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(file)
        else:
            content = load_safely(file)
    except MemoryError as error:
        raise WeightsError(f"{file} needs more memory than is free: end something else first") from error
    except Exception as error:  # a damaged file fails in many ways: zip, pickle, EOF …
        reason = str(error) if isinstance(error, _Unsound) else type(error).__name__
        raise WeightsError(f"{file} can't be read ({reason}): {remedy}") from error
    for _ in range(_MOST_WRAPPERS):
        if isinstance(content, dict) and isinstance(content.get("model"), dict):
            content = content["model"]
    if not isinstance(content, dict) or not all(torch.is_tensor(value) for value in content.values()):
        raise WeightsError(f"{file} holds no state dict of tensors: {remedy}")
    size = file.stat().st_size
    for name, tensor in content.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise WeightsError(f"{file} holds a tensor of no plain kind, {str(name)[:60]!r}: {remedy}")
        if tensor.numel() * tensor.element_size() > size:
            raise WeightsError(f"{file} holds a tensor larger than itself, {str(name)[:60]!r}: {remedy}")
    return content


def shapes_of(file: Path, remedy: str) -> "dict[str, Size]":
    """Return the shapes of the tensors in a safetensors file by name, without reading them.

    Raises WeightsError, ending in `remedy`, if the file can't be read.
    """
    import safetensors
    import torch

    check_opens(file, remedy)
    try:
        with safetensors.safe_open(file, framework="pt") as tensors:
            names = list(tensors.keys())
            return {name: torch.Size(tensors.get_slice(name).get_shape()) for name in names}
    except Exception as error:
        raise WeightsError(f"{file} can't be read ({type(error).__name__}): {remedy}") from error


def check_opens(file: Path, remedy: str) -> None:
    """Raise WeightsError for a file that isn't there or may not be read, which no new copy would mend."""
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {remedy}")
    try:
        file.open("rb").close()
    except OSError as error:
        raise WeightsError(
            f"{file} can't be opened ({error.strerror}): give yourself the right to read it"
        ) from error


def load_safely(file: Path, whole: bool = False) -> Any:
    """Return what a PyTorch file holds, tensors and plain values alone; whatever torch raises for others.

    A zip that is compressed is refused: PyTorch writes none, and one could grow a thousandfold. Where it must
    be `whole`, its checksums are compared, which torch leaves out.
    """
    import torch

    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if whole and (name := archive.testzip()):
                raise _Unsound(f"{name} in it is damaged")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or (
            sum(entry.file_size for entry in entries) > file.stat().st_size
        ):
            raise _Unsound("it is compressed, as PyTorch writes none")
    return torch.load(file, map_location="cpu", weights_only=True, mmap=None)


def differing(expected: Mapping[str, Any], tensors: Mapping[str, Any]) -> list[str]:
    """Return what keeps tensors from being loaded as `expected`, a few words each; by name, or as shapes."""
    words = []
    for key in sorted(expected.keys() | tensors.keys()):
        if key not in tensors:
            words.append(f"{key} is missing")
        elif key not in expected:
            words.append(f"{key} is not known")
        elif (ours := _shape(expected[key])) != (theirs := _shape(tensors[key])):
            words.append(f"{key} has the shape {theirs} and not {ours}")
    return words


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", value))


def brief(words: list[str], most: int = 5) -> str:
    """Return the first of these as one text that counts the rest."""
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + rest
