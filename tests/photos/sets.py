"""Small sets of photos: each photo is of one shade of red, which is its number."""

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image


def coded(shade: int, form: str = "PNG", size=(24, 20)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(buffer, form)
    return buffer.getvalue()


def parquet(path: Path, shades, labels=None, rows_a_group: int = 4, plain: bool = False) -> Path:
    images = [coded(shade) for shade in shades]
    if not plain:
        images = [{"bytes": one, "path": f"{shade}.png"} for one, shade in zip(images, shades, strict=True)]
    columns = {"image": images} | ({} if labels is None else {"label": labels})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=rows_a_group)
    return path


def folder(root: Path, names) -> Path:
    for shade, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(coded(shade))
    return root


def shades(photos) -> list[int]:
    return [image.getpixel((0, 0))[0] for image, _ in photos]


def noise(root: Path, names, number: int) -> Path:
    """Put so many photos of noise into a folder a name, the same every time."""
    generator = torch.Generator().manual_seed(0)
    for name in names:
        (root / name).mkdir()
        for k in range(number):
            pixels = torch.randint(0, 256, (70, 80, 3), generator=generator, dtype=torch.uint8)
            Image.fromarray(pixels.numpy()).save(root / name / f"{k}.png")
    return root
