"""A network's plan: `config.json` of its folder, which a stranger may have written.

Whatever it names is looked up, never imported; what it asks for is bounded; and its checksums tell which file
of the folder is another than the one that was saved.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snnet.weights.files import WeightsError, check_opens

CONFIG, WEIGHTS, RESULTS, CARD = "config.json", "model.safetensors", "results.csv", "README.md"
FORMAT = 1
SUMS = "sha256"  # in the plan: by file of the folder; of the plan itself that of `text` without them

_MOST_BYTES = 1 << 23  # of a plan: twenty thousand stitches take 3 MB
_MOST = {"anchors": 16, "stitches": 20_000, "transforms": 64, "legs": 16}
_MOST_PX, _MOST_RANK, _MOST_TEXT = 4096, 4096, 1000
# what timm's create_model takes beside a model's own options: files, addresses, other kinds of models
_NO_OPTIONS = re.compile(
    r"(pretrained|checkpoint|cache|scriptable|exportable|no_jit|features_only|hf_|url|file)"
)
_DEEP = re.compile(r"(depth|layers|blocks|repeat)")  # options that count modules
_MOST_MODULES, _MOST_WIDTH, _MOST_CLASSES = 512, 8192, 1_000_000
_MODEL = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")  # timm's name, with or without a tag
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")

REMEDY = "save the network again, or fetch the folder whole"


def read(file: Path) -> Mapping[str, Any]:
    """Return the plan of a network; WeightsError if the file is none, damaged, or asks for what can't be."""
    inside(file.parent, file.name)
    check_opens(file, REMEDY)
    try:
        if (size := file.stat().st_size) > _MOST_BYTES:
            raise ValueError(f"{size:,} bytes, where a plan has {_MOST_BYTES:,} at most")
        plan = json.loads(file.read_text(encoding="utf-8"))["snnet"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(
            f"{file} is not the plan of a stitched network ({type(error).__name__}): {REMEDY}"
        ) from error
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        theirs = plan.get("format") if isinstance(plan, dict) else plan
        raise WeightsError(
            f"{file} has the format {brief(theirs)} where {FORMAT} is read: update the project"
        )
    try:
        _check(plan)
    except (ValueError, KeyError, TypeError) as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise WeightsError(f"{file} does not make a network ({kind}{error}): {REMEDY}") from error
    theirs = sums(plan).get(CONFIG)
    if theirs is not None and theirs != sum_of(plan):
        raise WeightsError(
            f"{file} was changed since it was saved (its SHA-256 differs): {REMEDY}, or take {SUMS!r} out "
            "of it if you changed it yourself"
        )
    return plan


def text(plan: Mapping[str, Any]) -> str:
    """Return a plan as the file holds it."""
    return json.dumps({"snnet": plan}, indent=1) + "\n"


def sums(plan: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the SHA-256 of the folder's files by name; none in a folder of an earlier version."""
    return plan.get(SUMS, {})


def sum_of(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan, its own checksums left out."""
    bare = {key: value for key, value in plan.items() if key != SUMS}
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()


def sum_of_file(file: Path) -> str:
    """Return the SHA-256 of a file: a second takes one or two gigabytes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def unchanged(folder: Path, name: str, plan: Mapping[str, Any]) -> Iterator[Path]:
    """Give a file of the folder, its checksum worked out meanwhile; WeightsError at the end if it differs."""
    from concurrent.futures import ThreadPoolExecutor

    file = inside(folder, name)
    if not file.is_file():
        raise WeightsError(f"{file} is missing: {REMEDY}")
    expected = sums(plan).get(name)
    with ThreadPoolExecutor(1) as pool:  # hashing leaves the other threads alone
        actual = pool.submit(sum_of_file, file) if expected is not None else None
        yield file
        if actual and actual.result() != expected:
            raise WeightsError(f"{file} was changed since it was saved (its SHA-256 differs): {REMEDY}")


def inside(folder: Path, name: str) -> Path:
    """Return a file of a folder; WeightsError if it lies elsewhere: a path, or a link out of the folder.

    Links into the hub's own cache, which a folder there is made of, are followed.
    """
    file, home = folder / name, folder.resolve()
    place = file.resolve()
    snapshots = next((parent for parent in home.parents if parent.name == "snapshots"), None)
    homes = [home] if snapshots is None else [home, snapshots.parent / "blobs"]
    if Path(name).name != name or not any(place.is_relative_to(home) for home in homes):
        raise WeightsError(f"{file} lies outside of its folder, at {place}: put the file itself there")
    return file


def brief(value: object) -> str:
    """Return a value as a sentence shows it."""
    words = repr(value)
    return words if len(words) <= 60 else f"{words[:57]}…"


# --------------------------------------------------------------------------------------- what may stand there


def _check(plan: Mapping[str, Any]) -> None:
    """Raise ValueError, KeyError or TypeError for what is no plan, or asks for more than networks need."""
    for key in ("name", "title"):
        _text(plan[key], key)
    if not isinstance(plan.get("origin", {}), dict):
        raise ValueError(f"origin {brief(plan['origin'])} is no object")
    for name, digest in _mapping(plan.get(SUMS, {}), SUMS).items():
        if name not in (CONFIG, WEIGHTS, RESULTS, CARD) or not re.fullmatch(r"[0-9a-f]{64}", str(digest)):
            raise ValueError(f"{SUMS} of {brief(name)} is none of a file of the folder")
    _whole(plan.get("rank", 0), "rank", _MOST_RANK)
    if "published" in plan:
        _text(plan["published"], "published")
        return
    for row in _rows(plan, "anchors"):
        _check_anchor(row)
    sizes = {_whole(row["image_size"], "image_size", _MOST_PX, 1) for row in _rows(plan, "transforms")}
    for row in _rows(plan, "stitches"):
        _check_stitch(row, len(plan["anchors"]), sizes)


def _check_anchor(row: Mapping[str, Any]) -> None:
    for key in ("name", "title"):
        _text(row.get(key, row["name"]), f"an anchor's {key}")
    for key in ("model", "weights"):
        value = row[key]
        if not (isinstance(value, str) and _MODEL.fullmatch(value)) and not (
            key == "weights" and value is None
        ):
            raise ValueError(f"{key} {brief(value)} is none of timm's names")
    for name, value in _mapping(row["options"], "options").items():
        if not name.isidentifier() or _NO_OPTIONS.match(name):
            raise ValueError(f"option {brief(name)} is none of a model's")
        most = _MOST_MODULES if _DEEP.search(name) else _MOST_WIDTH
        values = value if isinstance(value, list) and len(value) <= 16 else [value]
        for one in values:
            _check_option(name, one, _MOST_CLASSES if name == "num_classes" else most)


def _check_option(name: str, value: object, most: int) -> None:
    if isinstance(value, str) and _WORD.fullmatch(value):
        return
    if value is not None and not (isinstance(value, int | float) and abs(value) <= most):
        raise ValueError(f"option {name} {brief(value)} is no word, and no number up to {most:,}")


def _check_stitch(row: Mapping[str, Any], anchors: int, sizes: set[int]) -> None:
    _text(row["name"], "a stitch's name")
    if _whole(row["image_size"], "image_size", _MOST_PX, 1) not in sizes:
        raise ValueError(f"{row['name']}: no transform is for {row['image_size']} px")
    legs, layers = row["legs"], row["layers"]
    if not (isinstance(legs, list) and isinstance(layers, list) and 0 < len(legs) <= _MOST["legs"]):
        raise ValueError(f"{row['name']}: legs and layers are no lists of up to {_MOST['legs']}")
    if len(layers) != len(legs) - 1:
        raise ValueError(f"{row['name']}: {len(legs)} legs with {len(layers)} layers between")
    for layer in layers:
        _text(layer, "a layer's name")
    for leg in legs:
        anchor, start, stop = (_whole(end, "a leg's end", 1 << 16) for end in leg)
        if anchor >= anchors or start > stop:
            raise ValueError(f"{row['name']}: the leg {brief(leg)} is no way through {anchors} anchors")


def _rows(plan: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    rows, most = plan[key], _MOST[key]
    if not isinstance(rows, list) or not 0 < len(rows) <= most:
        count = f"{len(rows):,} {key}" if isinstance(rows, list) else f"{key} {brief(rows)}"
        raise ValueError(f"{count}, where a network has 1 to {most:,}")
    return [_mapping(row, key) for row in rows]


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or len(value) > 64:
        raise ValueError(f"{what} {brief(value)} is no object of up to 64 values")
    return value


def _text(value: object, what: str) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_TEXT:
        raise ValueError(f"{what} {brief(value)} is no text of up to {_MOST_TEXT:,} characters")


def _whole(value: object, what: str, most: int, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{what} {brief(value)} is no whole number from {least} to {most:,}")
    return value
