"""The SN-Net explorer: reads the options, builds the page, serves it.

python app.py [--network lite] [--weights FILE] [--host 127.0.0.1] [--port 7860] [--share] [--backend]
"""

import argparse
import errno
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

GRADIO_PORT = 7860  # where Gradio begins to look for a free one
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # the page asks nothing of other hosts


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until it is stopped; return 2 after one line on standard error if it can't be."""
    options = _parser().parse_args(arguments)
    from app.measuring.jobs import Backend, refusal
    from app.service import Service
    from snnet.weights.files import WeightsError

    if options.backend and (sentence := refusal(options.host, options.share, os.environ)):
        print(f"app.py: {sentence}", file=sys.stderr)
        return 2
    try:
        service = Service(options.network, options.weights)
        if options.weights:
            assert service.net  # loaded before the page is served: a wrong file is told at once
    except (ValueError, WeightsError) as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    from app import page

    # Only what the user gave: a Space sets the host and port by Gradio's own variables.
    given: dict[str, str | int | bool] = {}
    try:
        if options.host:
            given["server_name"] = options.host
        if options.port:
            given["server_port"] = _free_port(options.port, options.host or "127.0.0.1")
        if options.share:
            given["share"] = True
        if options.backend:
            given["share"] = False  # said outright: in hosted notebooks Gradio would share by itself
        demo = page.build(service, Backend(service) if options.backend else None)
        _, url, _ = demo.launch(**page.launch_options(), **given, prevent_thread_lock=True)
    except OSError as error:  # an address that can't be served on
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    if not options.port and "GRADIO_SERVER_PORT" not in os.environ and f":{GRADIO_PORT}/" not in url:
        print(f"port {GRADIO_PORT} is in use: taking {url.rstrip('/').rsplit(':')[-1]}", flush=True)
    print(f"SN-Net explorer at {url}", flush=True)
    # Fetched and loaded behind the first page, which has the zoo to show meanwhile.
    service.start(then=lambda sentence: print(sentence, flush=True))
    demo.block_thread()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve the SN-Net explorer.")
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
    parser.add_argument("--host", help="the address to serve on (default: Gradio's, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port (default: Gradio's, the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="a public link, by Gradio's servers")
    parser.add_argument(
        "--backend",
        action="store_true",
        help="measure networks on this machine's photos from the page; only on a loopback address",
    )
    return parser


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
                    f"can't serve on {host}, port {candidate}: {error.strerror or error}"
                ) from error
        if candidate != port:
            print(f"port {port} is in use: taking {candidate}", flush=True)
        return candidate
    raise OSError(f"no free port from {port} on: name another by --port (1 to 65535)")


if __name__ == "__main__":
    sys.exit(main())
