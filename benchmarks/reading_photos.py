"""Reading sets of photos: this library's way beside `datasets`, from Parquet, a folder and a hub.

    python -m benchmarks.reading_photos [--data FILE_OR_FOLDER] [--limit 300] [--runs 5]

Without `--data`, with 600 photos that it makes itself. The same photos are read as a local Parquet file (row
groups of 100, as the hub's are), as a folder with a sub-folder a class, and as a Parquet file on a hub that
this program serves on this machine, so without the network's delay. Every figure is a median over runs; each
run is a process of its own, the ways in turn, on one thread. Times are the process's own (CPU), so that other
work on the machine doesn't count. In both cases this library decodes.

- import: what comes on top of torch and timm, which any network has imported already
- open: until length and labels are known (streaming: until the columns are, as it knows no length)
- bytes, decoded: each photo once, in order
- whole pass: import, open and decoded together, what a user waits for
- random: one photo at a random place, undecoded
- memory: what the process has resident at its end beyond what it had before; disk: what is left under HF_HOME
- fetched: of the hub's file, to open the set and read one photo at its middle / to read all

Then it checks what else the library says of a set of photos, on a few photos made for that.
"""

import argparse
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil

ROOT = Path(__file__).resolve().parent.parent
COUNT = 600  # photos that it makes itself
GROUP = 100  # rows of a row group
SPLIT = "data/validation-00000-of-00001.parquet"
ADDRESS = "hf://datasets/owner/birds"
RANDOM = 100  # photos read at random; of a stream, whose start is read anew each time, a tenth

Raw = bytes | str  # a photo, or where it lies


@dataclass(frozen=True)
class Way:
    """One way to read one source."""

    package: str  # whose import is timed
    home: str  # ways of one home find what the way before has left on the disk
    open: Callable[[str], Any]
    each: Callable[[Any], Iterator[Raw]]
    at: Callable[[Any, int], Raw]
    tenth: bool = False


# ------------------------------------------------------------------------------------------------- the ways


def _ours(path: str) -> Any:
    from snnet.photos.photo_set import open_photos

    photos = open_photos(path)
    _ = photos.labels
    return photos


def _ours_at(photos: Any, index: int) -> Raw:
    return photos._store.read(photos._rows[index])[0]


def _ours_each(photos: Any) -> Iterator[Raw]:
    return (_ours_at(photos, index) for index in range(len(photos)))


def _loaded(kind: str, path: str, streaming: bool = False) -> Any:
    import datasets

    datasets.disable_progress_bars()
    if kind == "hub":
        photos = datasets.load_dataset(
            "parquet",
            data_files={"validation": f"{path}/{SPLIT}"},
            split="validation",
            streaming=streaming,
        )
    elif kind == "folder":
        photos = datasets.load_dataset("imagefolder", data_dir=path, split="train", streaming=streaming)
    else:
        photos = datasets.load_dataset("parquet", data_files=path, split="train", streaming=streaming)
    if not streaming:
        _ = photos["label"][:] if "label" in photos.column_names else None
    return photos.cast_column("image", datasets.Image(decode=False))


def _raw(value: dict[str, Any]) -> Raw:
    return value["image"]["bytes"] or value["image"]["path"]


def _their_each(photos: Any) -> Iterator[Raw]:
    return map(_raw, photos)


def _their_at(photos: Any, index: int) -> Raw:
    return _raw(photos[index])


def _stream_at(photos: Any, index: int) -> Raw:
    return _raw(next(iter(photos.skip(index))))


def _ways(kind: str) -> dict[str, Way]:
    package = "pyarrow.parquet" if kind != "folder" else "snnet.photos.photo_set"
    opened = partial(_loaded, kind)
    return {
        "this library": Way(package, "ours", _ours, _ours_each, _ours_at),
        "datasets, first time": Way("datasets", "theirs", opened, _their_each, _their_at),
        "datasets, cached": Way("datasets", "theirs", opened, _their_each, _their_at),
        "datasets, streaming": Way(
            "datasets", "stream", partial(opened, streaming=True), _their_each, _stream_at, tenth=True
        ),
    }


# ------------------------------------------------------------------------------------------------- one run


def _timed(action: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    value = action()
    return time.process_time() - begun, value


def _bytes_of(raw: Raw) -> int:
    return len(raw if isinstance(raw, bytes) else Path(raw).read_bytes())


def one_run(kind: str, name: str, path: str, count: int) -> dict[str, float]:
    """Return the figures (s, MB) of one way in this process."""
    from snnet.photos.decode import decode

    __import__("timm.data")
    process = psutil.Process()
    resident = process.memory_info().rss
    way = _ways(kind)[name]
    figures = {}
    figures["import"], _ = _timed(lambda: __import__(way.package))
    figures["open"], photos = _timed(lambda: way.open(path))
    places = random.Random(0).sample(range(count), min(count, RANDOM // (10 if way.tenth else 1)))
    way.at(photos, count // 2)
    figures["one fetched"] = _sent()
    took, _ = _timed(lambda: [_bytes_of(way.at(photos, place)) for place in places])
    figures["random"] = took / len(places)
    before = _sent()
    figures["bytes"], lengths = _timed(lambda: [_bytes_of(raw) for raw in way.each(photos)])
    figures["all fetched"] = _sent() - before
    if len(lengths) != count:
        raise SystemExit(f"{name} read {len(lengths)} of {count} photos")
    figures["decoded"], _ = _timed(lambda: sum(decode(raw).width for raw in way.each(photos)))
    figures["whole pass"] = figures["import"] + figures["open"] + figures["decoded"]
    figures["memory"] = (process.memory_info().rss - resident) / 1e6
    return figures


def _sent() -> float:
    """Return the MB that the hub has sent in this run."""
    from urllib.request import urlopen

    if not (endpoint := os.environ.get("HF_ENDPOINT")):
        return 0.0
    with urlopen(f"{endpoint}/sent") as answer:
        return int(answer.read()) / 1e6


def _in_a_process(arguments: Sequence[str], home: Path, endpoint: str) -> dict[str, float]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    own |= {"HF_HOME": str(home), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    own |= {"HF_ENDPOINT": endpoint} if endpoint else {}
    command = [sys.executable, "-m", "benchmarks.reading_photos", "--one", *arguments]
    done = subprocess.run(command, env=own, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _disk(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


# ----------------------------------------------------------------------------------------------- the photos


def _made(count: int) -> list[tuple[bytes, int]]:
    """Return photos of about 50 kB with labels, of ten classes in order."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    photos = []
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((512, 384), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        photos.append((buffer.getvalue(), number * 10 // count))
    return photos


def _read(data: Path, limit: int | None) -> list[tuple[bytes, int]]:
    from snnet.photos.photo_set import open_photos

    photos = open_photos(data, limit)
    raws = [raw if isinstance(raw, bytes) else Path(raw).read_bytes() for raw in _ours_each(photos)]
    return list(zip(raws, photos.labels, strict=True))


def _write(photos: Sequence[tuple[bytes, int]], root: Path) -> tuple[Path, Path]:
    """Write the photos as a Parquet file and as a folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from snnet.photos.classes import synset_indices

    images = [{"bytes": raw, "path": f"{number}.jpg"} for number, (raw, _) in enumerate(photos)]
    table = pa.table({"image": images, "label": [label for _, label in photos]})
    pq.write_table(table, root / "photos.parquet", row_group_size=GROUP)
    synsets = list(synset_indices())
    for number, (raw, label) in enumerate(photos):
        below = root / "folder" / (synsets[label] if label >= 0 else "unlabelled")
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number:06d}.jpg").write_bytes(raw)
    return root / "photos.parquet", root / "folder"


# ------------------------------------------------------------------------------------------------ exactness


def _check(root: Path) -> None:
    """Print what both say of a folder whose classes are ImageNet's, and of a Parquet file with damage."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    from snnet.photos.photo_set import open_photos

    (raw, _), folder = _made(1)[0], root / "classes"
    for name in ("tabby/1.jpg", "n02391049/2.jpg", "tank_suit/deep/3.jpg", "tabby/.hidden.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    (root / "elsewhere").mkdir()
    (root / "elsewhere" / "4.jpg").write_bytes(raw)
    (folder / "zebra").symlink_to(root / "elsewhere")
    damaged = root / "damaged.parquet"
    images = [{"bytes": photo, "path": f"{k}.jpg"} for k, photo in enumerate((raw, raw[:2000]))]
    pq.write_table(pa.table({"image": images, "label": [0, 1]}), damaged, row_group_size=1)
    datasets.disable_progress_bars()
    cache = str(root / "cache")

    def theirs(kind: str, **where: str) -> Any:
        return datasets.load_dataset(kind, split="train", cache_dir=cache, **where)

    def moved(path: Path, fingerprint: Callable[[Path], str]) -> str:
        before = fingerprint(path)
        after = fingerprint(path.rename(path.with_name(f"moved-{path.name}")))
        path.with_name(f"moved-{path.name}").rename(path)
        return "stays" if before == after else "changes"

    def failure(read: Callable[[], Any]) -> str:
        try:
            return f"read: {read()}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    flat = theirs("imagefolder", data_dir=str(folder))
    tables = theirs("parquet", data_files=str(damaged)).cast_column("image", datasets.Image())
    print("\n| exactness | this library | datasets |\n|---|---|---|")
    mine = open_photos(folder)
    labels = flat["label"][:] if "label" in flat.column_names else "none"
    print(f"| labels of a zebra's synset, tabby, tank_suit/deep, a link | {mine.labels} | {labels} |")
    print(f"| photos of 4 (one behind a link) and a hidden one | {len(mine)} | {len(flat)} |")
    ours, other = failure(lambda: open_photos(damaged)[1]), failure(lambda: tables[1]["image"])
    print(f"| a damaged photo | {ours} | {other} |")
    print(
        f"| fingerprint of a moved file | {moved(damaged, lambda path: open_photos(path).fingerprint)} | "
        f"{moved(damaged, lambda path: theirs('parquet', data_files=str(path))._fingerprint)} |"
    )
    print(f"| row group of each photo | {open_photos(damaged).row_groups} | not known |")


# -------------------------------------------------------------------------------------------------- the hub


def _hub() -> Any:
    """Return a context that serves a hub with what `datasets` asks beyond this library."""
    from tests.hub_server import COMMIT, Handler, serving

    class Whole(Handler):
        def do_GET(self) -> None:
            self.path = self.path.replace("/resolve/main/", f"/resolve/{COMMIT}/")
            path = unquote(urlsplit(self.path).path)
            if path == "/sent":
                self.answer(200, str(self.hub.sent).encode())
            elif "/tree/" in path:
                below = [name for name in self.hub.files if name.startswith("data/")]
                rows = [
                    {"type": "file", "path": name, "size": len(self.hub.files[name]), "oid": "0" * 40}
                    for name in below
                ]
                self.answer(200, json.dumps(rows).encode())
            else:
                super().do_GET()

        def do_HEAD(self) -> None:
            name = re.sub("^/.*/resolve/[^/]+/", "", unquote(urlsplit(self.path).path))
            if name not in self.hub.files:
                return self.refuse(404, "EntryNotFound")
            size = len(self.hub.files[name])
            self.send_response(200)
            for key, value in {"X-Repo-Commit": COMMIT, "ETag": f'"{size}"', "Content-Length": size}.items():
                self.send_header(key, str(value))
            self.end_headers()

        def give(self, name: str) -> None:
            if "Range" not in self.headers:
                size = len(self.hub.files[name])
                self.hub.ranges.append((name, 0, size))
                return self.answer(200, self.hub.files[name])
            return super().give(name)

    return serving(Whole)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="photos to read (by default it makes some)")
    parser.add_argument("--limit", type=int, help="take that many of them at random")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        kind, name, path, count = options.one
        print(json.dumps(one_run(kind, name, path, int(count))))
        return
    photos = _read(options.data, options.limit) if options.data else _made(COUNT)
    with tempfile.TemporaryDirectory() as folder, _hub() as hub:
        parquet, flat = _write(photos, Path(folder))
        hub.files = {SPLIT: parquet.read_bytes()}
        megabytes = sum(len(raw) for raw, _ in photos) / 1e6
        print(f"{len(photos):,} photos, {megabytes:.1f} MB; medians of {options.runs} runs")
        for kind, path in (("parquet", str(parquet)), ("folder", str(flat)), ("hub", ADDRESS)):
            rows: dict[str, list[dict[str, float]]] = {name: [] for name in _ways(kind)}
            for run in range(options.runs):
                for name, way in _ways(kind).items():
                    home = Path(folder, f"home-{kind}-{run}", way.home)
                    hub.ranges.clear()
                    arguments = (kind, name, path, str(len(photos)))
                    figures = _in_a_process(arguments, home, hub.url if kind == "hub" else "")
                    rows[name].append(figures | {"disk": _disk(home)})
            _show(kind, rows)
        _check(Path(folder))


def _three(value: float) -> str:
    """Return a figure with three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _show(kind: str, rows: dict[str, list[dict[str, float]]]) -> None:
    columns = {
        "import": (1e3, "ms"),
        "open": (1e3, "ms"),
        "bytes": (1e3, "ms"),
        "decoded": (1.0, "s"),
        "whole pass": (1.0, "s"),
        "random": (1e3, "ms"),
        "memory": (1.0, "MB"),
        "disk": (1.0, "MB"),
    }
    if kind == "hub":
        columns |= {"one fetched": (1.0, "MB"), "all fetched": (1.0, "MB")}
    print(f"\n| {kind} | " + " | ".join(f"{name}, {unit}" for name, (_, unit) in columns.items()) + " |")
    print("|---" * (1 + len(columns)) + "|")
    for name, runs in rows.items():
        cells = [_three(factor * median(run[key] for run in runs)) for key, (factor, _) in columns.items()]
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
