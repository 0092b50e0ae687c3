"""Peak resident memory of decoding one picture near the limit of 64 megapixels, in each format and kind.

    python -m benchmarks.decode_memory [--megapixels 63] [--only WEBP]

Each is saved to a file, then decoded by a process of its own. Prints what the process held at most beyond
what it held before, by pixel, and the seconds of CPU. Fails where `snnet.photos.decode` promises less.
"""

import argparse
import itertools
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from snnet.photos import decode as photos

Image.MAX_IMAGE_PIXELS = None


def kinds(size: tuple[int, int]) -> Iterator[tuple[str, str, dict]]:
    """Yield each kind of picture: its name, the mode that it is made in, and how it's saved."""
    turned = Image.Exif()
    turned[0x0112] = 6
    yield from (
        ("PNG 8-bit RGB", "RGB", {"compress_level": 1}),
        ("PNG RGB, transparent colour", "RGB", {"compress_level": 1, "transparency": (1, 2, 3)}),
        ("PNG RGBA", "RGBA", {"compress_level": 1}),
        ("PNG 16-bit grey", "I;16", {"compress_level": 1}),
        ("PNG palette, transparent", "P", {"compress_level": 1, "transparency": bytes(range(256))}),
        ("JPEG 4:2:0", "RGB", {}),
        ("JPEG 4:2:0, turned", "RGB", {"exif": turned}),
        ("JPEG 4:4:4, progressive", "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG CMYK", "CMYK", {}),
        ("JPEG CMYK, progressive", "CMYK", {"progressive": True}),
        ("JPEG CMYK, progressive, turned", "CMYK", {"progressive": True, "exif": turned}),
        ("WEBP lossy", "RGB", {"method": 0}),
        ("WEBP lossless, transparent", "RGBA", {"method": 0, "lossless": True, "quality": 0}),
        ("WEBP lossy, transparent, turned", "RGBA", {"method": 0, "exif": turned}),
        ("AVIF 4:2:0", "RGB", {"speed": 10}),
        ("AVIF 4:4:4, transparent", "RGBA", {"speed": 10, "subsampling": "4:4:4"}),
        ("TIFF raw RGBA", "RGBA", {}),
        ("TIFF raw float", "F", {}),
        ("TIFF LZW RGB", "RGB", {"compression": "tiff_lzw"}),
        (
            "TIFF deflate RGBA, one strip",
            "RGBA",
            {"compression": "tiff_adobe_deflate", "tiffinfo": {278: size[1]}},
        ),
        ("TIFF JPEG CMYK, turned", "CMYK", {"compression": "jpeg", "tiffinfo": {274: 6}}),
        ("GIF", "P", {}),
        ("GIF transparent", "P", {"transparency": 3}),
        ("BMP", "RGB", {}),
        ("PPM", "RGB", {}),
    )


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """Return a picture whose bytes don't repeat, in any mode."""
    gradient = Image.radial_gradient("L").resize((997, 991), Image.Resampling.BICUBIC)
    large = Image.new("L", size)
    for place in itertools.product(range(0, size[0], 997), range(0, size[1], 991)):
        large.paste(gradient, place)
    if mode in ("I;16", "F"):
        return large.convert("I").convert(mode)
    if mode == "P":
        large.putpalette(bytes(range(256)) * 3)
        return large
    return Image.merge(mode, [large] * len(mode))


def held(file: str) -> None:
    """Decode a file, and print bytes and seconds."""
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from now
    before = int(status.read_text().split("VmRSS:")[1].split()[0])
    begin = time.process_time()
    photos.decode(file)
    seconds = time.process_time() - begin
    print(1024 * (int(status.read_text().split("VmHWM:")[1].split()[0]) - before), seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megapixels", type=float, default=63)
    parser.add_argument("--only", default="", help="kinds whose name has this in it")
    parser.add_argument("--decode", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.decode:
        held(options.decode)
        return
    side = int(math.sqrt(options.megapixels * 1e6))
    size = side, side - 3
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, mode, how in kinds(size):
            if options.only not in name:
                continue
            file = Path(folder) / "photo"
            picture(mode, size).save(file, name.split()[0], **how)
            command = [sys.executable, "-m", "benchmarks.decode_memory", "--decode", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            most, seconds = map(float, done.stdout.split())
            worst = max(worst, (most - photos.BASE_BYTES) / math.prod(size))
            print(f"{name:34} {most / 1e6:6,.0f} MB", end="")
            print(f"  {most / math.prod(size):5.1f} bytes a pixel  {seconds:5.1f} s", flush=True)
    print(f"allowed: {photos.BYTES_PER_PIXEL} bytes a pixel, and {photos.BASE_BYTES / 1e6:.0f} MB")
    sys.exit(worst > photos.BYTES_PER_PIXEL)


if __name__ == "__main__":
    main()
