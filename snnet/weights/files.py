"""Files of weights, read safely, and the words for one that is not what is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class WeightsError(RuntimeError):
    """A file of weights is missing, damaged or of another network; the text names it and says what to do."""


def read_checkpoint(file: Path, remedy: str) -> dict[str, Any]:
    """Return the tensors of a PyTorch or safetensors file by name, unwrapped from {"model": …}.

    Nothing but tensors is unpickled. Raises WeightsError, ending in `remedy`, if the file can't be read.
    """
    import safetensors.torch
    import torch

    if not file.is_file():
        raise WeightsError(f"{file} is missing: {remedy}")
    try:
        if file.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=None)
    except Exception as error:  # a damaged file fails in many ways: zip, pickle, EOF …
        raise WeightsError(f"{file} can't be read ({type(error).__name__}): {remedy}") from error
    while isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict) or not all(torch.is_tensor(value) for value in content.values()):
        raise WeightsError(f"{file} holds no state dict of tensors: {remedy}")
    return content


def differing(expected: Mapping[str, Any], tensors: Mapping[str, Any]) -> list[str]:
    """Return what keeps `tensors` from being loaded as `expected`, a few words a tensor, by name."""
    words = []
    for key in sorted(expected.keys() | tensors.keys()):
        if key not in tensors:
            words.append(f"{key} is missing")
        elif key not in expected:
            words.append(f"{key} is not known")
        elif expected[key].shape != tensors[key].shape:
            words.append(
                f"{key} has the shape {tuple(tensors[key].shape)} and not {tuple(expected[key].shape)}"
            )
    return words


def brief(words: list[str], most: int = 5) -> str:
    """Return the first of these as one text that counts the rest."""
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + rest
