"""A run's checkpoint: what makes it this run's, and how it is written whole or not at all."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from snnet import files
from snnet.network.network import Network
from snnet.photos.photo_set import Photos
from snnet.training.plan import Plan, TrainingError
from snnet.training.recipes import Recipe
from snnet.weights.files import WeightsError, check_opens, load_safely

CHECKPOINT = "checkpoint.pt"
OUT = "give another folder by --out"


def identity(net: Network, photos: Photos, plan: Plan) -> dict[str, Any]:
    """Return what makes a run this run: another one's checkpoint must not be gone on with."""
    weights = hashlib.sha256()
    for name, tensor in net.state_dict().items():
        weights.update(name.encode() + tensor.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return {
        "network": net.name,
        "weights": weights.hexdigest()[:16],
        "photos": photos.fingerprint[:16],
        "batch": plan.batch,
        "recipe": asdict(plan.recipe),
    }


def write(folder: Path, run: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the state of a run whole or not at all; TrainingError where it can't be written."""
    tensors = [value for value in _leaves(state) if isinstance(value, torch.Tensor)]
    needed = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    try:
        with (
            files.whole(folder / CHECKPOINT, needed=needed, elsewhere=elsewhere(folder)) as part,
            part.open("wb") as file,
        ):
            torch.save({"run": json.dumps(run, sort_keys=True)} | state, file)
    except files.WriteError as error:
        raise stop(folder, error) from error


def elsewhere(folder: Path) -> str:
    """Return how another place for a run is named, so that it goes on there."""
    return "give --out a copy of the folder" if (folder / CHECKPOINT).is_file() else OUT


def stop(folder: Path, error: Exception) -> TrainingError:
    """Return what to raise where a run can't keep how far it is."""
    first = "its last checkpoint" if (folder / CHECKPOINT).is_file() else "its beginning"
    return TrainingError(f"{error}; the run then goes on from {first}, by the same command")


def check(folder: Path, checkpoint: int, network: int) -> None:
    """Raise TrainingError unless a run can write so large a checkpoint, and then its network, to a folder."""
    file = folder / CHECKPOINT
    here = file.stat().st_size if file.is_file() else 0
    try:  # a checkpoint is written beside the one before
        needed = max(0, checkpoint + max(checkpoint, network) - here)
        files.check(file, needed=needed, elsewhere=elsewhere(folder))
    except files.WriteError as error:
        raise TrainingError(str(error)) from error


def _leaves(state: Any) -> Iterator[Any]:
    """Yield all that lies in dictionaries and lists."""
    if isinstance(state, dict | list | tuple):
        for value in state.values() if isinstance(state, dict) else state:
            yield from _leaves(value)
    else:
        yield state


def read(folder: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of a run, None if the folder has none; TrainingError if it is damaged or another's."""
    file = folder / CHECKPOINT
    if not file.is_file():
        return None
    try:
        check_opens(file, "")
        state: dict[str, Any] = load_safely(file, whole=True)
        theirs = json.loads(state["run"])
    except WeightsError as denial:  # it may not be opened, and is sound perhaps
        raise TrainingError(str(denial)) from denial
    except MemoryError as error:
        raise TrainingError(f"{file} needs more memory than is free: end something else first") from error
    except Exception as error:  # damaged files fail in many ways
        raise TrainingError(
            f"{file} can't be read ({type(error).__name__}): delete it to begin anew"
        ) from error
    theirs = _as_now(theirs, run)
    if theirs != run:
        raise TrainingError(
            f"{folder} holds another run ({_difference(theirs, run)}): give another "
            "--out, or delete the folder to begin anew"
        )
    return state


def _as_now(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Return what made a run of an earlier version, whose recipe had fewer settings, as this one says it.

    Settings that it had not stand for what it did. Repeats alone were counted otherwise, into the epoch.
    """
    recipe = theirs.get("recipe", {})
    new = ours["recipe"].keys() - recipe.keys()
    before = {setting.name: setting.default for setting in fields(Recipe) if setting.name in new}
    if before and recipe.get("repeats", 1) != 1:
        before["repeats"] = f"{recipe['repeats']} counted into the epoch"
    return theirs | {"recipe": recipe | before}


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    there, here = ({**run, **run.get("recipe", {})} for run in (theirs, ours))
    words = [
        f"{key} {there.get(key)!r} there, {here[key]!r} here"
        for key in here
        if key != "recipe" and there.get(key) != here[key]
    ]
    return "; ".join(words[:3]) or "of another version"
