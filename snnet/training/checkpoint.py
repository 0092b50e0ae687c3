"""A run's checkpoint: what makes it this run's, and how it is written whole or not at all."""

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch

from snnet.network.network import Network
from snnet.photos.photo_set import Photos
from snnet.training.plan import Plan, TrainingError
from snnet.training.recipes import Recipe
from snnet.weights.files import load_safely

CHECKPOINT = "checkpoint.pt"


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
    part = folder / f"{CHECKPOINT}.part"
    try:
        with part.open("wb") as file:
            torch.save({"run": json.dumps(run, sort_keys=True)} | state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / CHECKPOINT)
    except (OSError, RuntimeError) as error:  # torch's own, of what it writes
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise TrainingError(
            f"{folder / CHECKPOINT} can't be written ({_first_line(error)}): make room, and give the same "
            "command again, which goes on from the one before"
        ) from error


def check(folder: Path, needed: int) -> None:
    """Raise TrainingError unless the folder can be written and has so many bytes free."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            file.write(b"\0")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise TrainingError(
            f"{folder} can't be written ({error.strerror}): give another folder by --out"
        ) from error
    if free < needed:
        raise TrainingError(
            f"{folder} has no room for the run ({needed / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB "
            "free): make room, or give another folder by --out"
        )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def read(folder: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of a run, None if the folder has none; TrainingError if it is damaged or another's."""
    file = folder / CHECKPOINT
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = load_safely(file, whole=True)
        theirs = json.loads(state["run"])
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
