"""The page's command: reads the options, then serves the page or writes it into one file."""

import argparse
import errno
import logging
import os
import re
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snnet import files, openmp, paths
from snnet.weights import proxies

from .work import machine
from .work.photos import MEGAPIXELS

GRADIO_PORT = 7860  # where Gradio begins to look for a free one


def main(program: str, arguments: Sequence[str] | None = None) -> int:
    """Do what the options ask; return 0, or 2 after one line on standard error, the program's name first."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # the page asks nothing of other hosts
    openmp.spin_briefly()
    machine.give_freed_back()
    options = _parser(program).parse_args(arguments)
    from snnet.optional import say_plainly
    from snnet.weights.files import WeightsError

    say_plainly()
    try:
        paths.settle()
        (_write if options.write_page else _serve)(options)
    except (ValueError, OSError, WeightsError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 2
    return 0


def _write(options: argparse.Namespace) -> None:
    from snnet.catalogue import entries

    from . import one_file

    file: Path = options.write_page
    files.check(file)
    net = entries.figures_of(options.network, weights=options.weights)
    one_file.write(net, options.network, file)
    size_mb = file.stat().st_size / 1e6
    print(f"wrote {file} ({size_mb:.1f} MB): it opens in any browser, without a server")


def _serve(options: argparse.Namespace) -> None:
    """Serve the page until it is stopped."""
    from .discretion import Discretion
    from .measuring.jobs import Backend
    from .measuring.loopback import refusal
    from .service import Service
    from .web.stopping import Stop
    from .web.uploads import Uploads

    root = _root_path(options.root_path)
    if options.backend and (sentence := refusal(options.host, options.share, os.environ)):
        raise ValueError(sentence)
    if options.backend and root:
        raise ValueError("--backend reads this machine's files, and --root-path serves others: leave one out")
    if options.share and (sentence := proxies.trouble()):
        raise ValueError(f"--share asks Gradio's servers, and {sentence}")
    paths.settle_uploads()
    proxies.spare_this_machine([options.host or "", os.environ.get("GRADIO_SERVER_NAME", "")])
    if options.log:
        _log()
    is_public = bool(root) or refusal(options.host, options.share, os.environ) is not None
    discretion = Discretion(_warn if is_public else None)
    service = Service(options.network, options.weights, options.megapixels, discretion)
    if options.weights:
        assert service.net  # loaded before the page is served: a wrong file is told at once
    # Only what the user asked for: a Space sets the host and port by Gradio's own variables.
    settings: dict[str, Any] = {"root_path": root}
    if options.host:
        settings["server_name"] = options.host
    if options.port:
        settings["server_port"] = _free_port(options.port, options.host or "127.0.0.1")
    if options.share:
        settings["share"] = True
    if options.backend:
        settings["share"] = False  # said outright: in hosted notebooks Gradio would share by itself
    uploads = Uploads(options.uploads_gb)
    backend = Backend(service.networks) if options.backend else None
    with proxies.without_strange_ones():
        from . import page

        gate = page.gate(service, uploads)
        demo = page.build(service, uploads, backend)
        stop = Stop()
        _, url, _ = demo.launch(**page.launch_options(gate), **settings, prevent_thread_lock=True)
    if not options.port and "GRADIO_SERVER_PORT" not in os.environ and f":{GRADIO_PORT}/" not in url:
        print(f"port {GRADIO_PORT} is in use: taking {url.rstrip('/').rsplit(':')[-1]}", flush=True)
    print(f"SN-Net explorer at {url}", flush=True)
    print(service.scheduler.describe(), flush=True)
    # Fetched and loaded behind the first page, which has all figures to show meanwhile.
    service.start(then=lambda sentence: print(sentence, flush=True))
    stop.wait()
    print("stopping: answers under way are finished", flush=True)

    def then() -> None:
        if backend:
            backend.cancel()
        service.scheduler.close(seconds=0.5)

    stop.finish(demo, gate, then)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Serve the SN-Net explorer, or write it into a file.",
        epilog=f"example: python {program} --network lite --write-page lite.html",
    )
    parser.add_argument(
        "--network",
        default="lite",
        metavar="NAME|FOLDER",
        help="a name of `python -m snnet networks`, or a folder of net.save (default: lite)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="the authors' file of its weights, where it lies elsewhere",
    )
    parser.add_argument(
        "--write-page",
        type=Path,
        metavar="FILE.html",
        help="write the page of the network into one file that opens from disk, and serve nothing",
    )
    parser.add_argument("--host", help="the address to serve on (default: Gradio's, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port (default: Gradio's, the first free one from 7860)")
    parser.add_argument(
        "--root-path",
        default=os.environ.get("GRADIO_ROOT_PATH", ""),
        metavar="/PATH",
        help="where a reverse proxy has the page, below its own root; see docs/hosting.md",
    )
    parser.add_argument(
        "--log",
        action="store_true",
        default=os.environ.get("SNNET_LOG", "") not in ("", "0"),
        help="a line for each request on standard error, with nothing that visitors wrote (or SNNET_LOG=1)",
    )
    parser.add_argument(
        "--uploads-gb",
        type=float,
        default=os.environ.get("SNNET_UPLOADS_GB", "2"),
        metavar="GB",
        help="disk that visitors' photos may take (default: 2, or SNNET_UPLOADS_GB)",
    )
    parser.add_argument(
        "--megapixels",
        type=float,
        default=MEGAPIXELS,
        help="of photos decoded at once, up to 20 bytes of memory a pixel: more wait (default: %(default)s)",
    )
    parser.add_argument("--share", action="store_true", help="a public link, by Gradio's servers")
    parser.add_argument(
        "--backend",
        action="store_true",
        help="measure networks on this machine's photos from the page; only on a loopback address",
    )
    return parser


def _root_path(text: str) -> str:
    """Return a path as Gradio takes it, or an address in full; ValueError for what is neither."""
    if re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", text):
        return text.rstrip("/")
    path = text.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9._~/-]*", path):
        raise ValueError(f"--root-path {text!r} is no path: name one like /explorer, or an address in full")
    return f"/{path}" if path else ""


def _warn(sentence: str) -> None:
    print(f"app.py: {sentence}", file=sys.stderr, flush=True)


def _log() -> None:
    """Write a line for each request to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    access = logging.getLogger("snnet.access")
    access.addHandler(handler)
    access.setLevel(logging.INFO)
    access.propagate = False


def _free_port(port: int, host: str, tries: int = 100) -> int:
    """Return the port or the next free one, saying so; OSError if none is, or the host is not ours."""
    for candidate in range(port, min(port + tries, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise OSError(
                    f"can't serve on {host}, port {candidate} ({error.strerror or error}): name one of this "
                    "machine's addresses by --host, and a port from 1024 on by --port"
                ) from error
        if candidate != port:
            print(f"port {port} is in use: taking {candidate}", flush=True)
        return candidate
    raise OSError(f"no free port from {port} on: name another by --port (1 to 65535)")
