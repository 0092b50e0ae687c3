"""Starts the app as a user does, for the benchmarks: a process of its own, on a free port of this machine."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from snnet import openmp
from snnet.weights import proxies
from tests.serving import free_port

openmp.spin_briefly()
proxies.spare_this_machine()  # it asks servers of its own

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Served:
    """A running app: its address, its process, and the seconds from start to the first page."""

    url: str
    process: subprocess.Popen
    first_page_s: float

    def rss_mb(self) -> float:
        """Resident memory in MB (10⁶ bytes)."""
        import psutil

        return psutil.Process(self.process.pid).memory_info().rss / 1e6


@contextmanager
def serve(network: str = "lite") -> Iterator[Served]:
    """Start the app and give it once its first page has been served; end it afterwards."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--network", network, "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"},
    )
    try:
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"the app ended with {process.returncode}")
            try:
                with urllib.request.urlopen(url, timeout=30) as page:
                    if re.search(rb"<html", page.read()):
                        break
            except OSError:
                time.sleep(0.02)
        yield Served(url, process, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait()


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the module's own text."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def example() -> Path:
    """Return a photo that comes with Gradio."""
    import gradio

    return Path(gradio.__file__).parent / "media_assets" / "images" / "lion.jpg"


def spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """Return "median unit (lowest–highest, n runs)"."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} ({low:.{digits}f}–{high:.{digits}f}, {len(values)} runs)"
