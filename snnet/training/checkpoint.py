"""A run's checkpoint: what makes it this run's, and how it is written whole or not at all."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from snnet.network.network import Network
from snnet.photos.photo_set import Photos
from snnet.training.plan import Plan, TrainingError

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
    """Write the state of a run whole or not at all."""
    part = folder / f"{CHECKPOINT}.part"
    with part.open("wb") as file:
        torch.save({"run": json.dumps(run, sort_keys=True)} | state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / CHECKPOINT)


def read(folder: Path, run: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of a run, None if the folder has none; TrainingError if it is damaged or another's."""
    file = folder / CHECKPOINT
    if not file.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        theirs = json.loads(state["run"])
    except Exception as error:  # damaged files fail in many ways
        raise TrainingError(
            f"{file} can't be read ({type(error).__name__}): delete it to begin anew"
        ) from error
    if theirs != run:
        raise TrainingError(
            f"{folder} holds another run ({_difference(theirs, run)}): give another "
            "--out, or delete the folder to begin anew"
        )
    return state


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    there, here = ({**run, **run.get("recipe", {})} for run in (theirs, ours))
    words = [
        f"{key} {there.get(key)!r} there, {here[key]!r} here"
        for key in here
        if key != "recipe" and there.get(key) != here[key]
    ]
    return "; ".join(words[:3]) or "of another version"
