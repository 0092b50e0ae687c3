"""Decode one photo by an optional package: a script, which `foreign` starts as a process of its own.

Its argument is JSON: the package, folders to import it from, seconds of CPU and bytes of memory that decoding
may take. It reads the file from standard input and writes a line of JSON, then the pixels; or a line with
what went wrong. It imports nothing of this project: hostile files are decoded here by native code.
"""

import contextlib
import importlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

Picture = tuple[dict[str, Any], bytes]


def heif(package: Any, data: bytes) -> Picture:
    """Return the primary picture of a HEIC, turned as its container says."""
    package.options.DECODE_THREADS = 1
    package.options.THUMBNAILS = package.options.DEPTH_IMAGES = package.options.AUX_IMAGES = False
    file = package.open_heif(data, bgr_mode=False)  # of 8 bits, whatever it has
    pixels = file.data
    return {"mode": file.mode, "size": file.size}, pixels


def jxl(package: Any, data: bytes) -> Picture:
    """Return the picture of a JPEG XL; where it is a JPEG packed without loss, as that has it, not turned."""
    jpeg = importlib.import_module("PIL.JpegImagePlugin")
    is_jpeg, info, pixels, *_ = package.Decoder(num_threads=0)(data)
    if is_jpeg:
        with jpeg.JpegImageFile(io.BytesIO(pixels)) as image:
            return {"mode": image.mode, "size": image.size, "is_turned": False}, image.tobytes()
    if info.mode == "LA" and len(pixels) == 4 * info.width * info.height:
        pixels = pixels[1::2]  # of 16 bits, the higher half
    return {"mode": info.mode, "size": (info.width, info.height)}, pixels


DECODERS = {"pillow_heif": heif, "pillow_jxl": jxl}


def limit(seconds: int, memory: int) -> None:
    """Bound what this process may use from now on; systems that can't (Windows) go without."""
    try:
        import resource
    except ImportError:
        return
    bounds = {resource.RLIMIT_CPU: seconds, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    status = Path("/proc/self/status")
    if status.exists():
        size = re.search(r"VmSize:\s+(\d+) kB", status.read_text())
        bounds[resource.RLIMIT_AS] = memory + (1024 * int(size[1]) if size else 1 << 30)
    bounds[resource.RLIMIT_NOFILE] = 0  # no more files are opened from here on
    for kind, bound in bounds.items():
        with contextlib.suppress(ValueError, OSError):  # above what the whole process may
            resource.setrlimit(kind, (bound, bound))


def main() -> None:
    """Decode what comes from standard input."""
    name, folders, seconds, memory = json.loads(sys.argv[1])
    sys.path += folders
    package = importlib.import_module(name)
    for each in ("JpegImagePlugin", "TiffImagePlugin"):  # no file is opened later
        importlib.import_module(f"PIL.{each}")
    data = sys.stdin.buffer.read()
    limit(seconds, memory)
    pixels = b""
    try:
        head, pixels = DECODERS[name](package, data)
    except Exception as error:
        head = {"error": type(error).__name__, "reason": str(error)[:200]}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    sys.stdout.buffer.write(pixels)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
