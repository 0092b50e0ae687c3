"""The SN-Net explorer: reads the options, builds the page, serves it.

python app.py [--network lite] [--host 127.0.0.1] [--port 7860] [--share]
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # the page asks nothing of other hosts


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until it is stopped; return 2 after one line on standard error if it can't be."""
    options = _parser().parse_args(arguments)
    from app.service import Service

    try:
        service = Service(options.network)
    except ValueError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    from app import page

    # Only what the user gave: a Space sets the host and port by Gradio's own variables.
    given = {
        "server_name": options.host,
        "server_port": _free_port(options.port, options.host) if options.port else None,
        "share": options.share or None,
    }
    demo = page.build(service)
    service.start(then=lambda sentence: print(sentence, flush=True))
    _, url, _ = demo.launch(
        **page.launch_options(),
        **{name: value for name, value in given.items() if value is not None},
        prevent_thread_lock=True,
    )
    print(f"SN-Net explorer at {url}", flush=True)
    demo.block_thread()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Serve the SN-Net explorer.")
    parser.add_argument(
        "--network", default="lite", help="a name of `python -m snnet networks` (default: lite)"
    )
    parser.add_argument("--host", help="the address to serve on (default: Gradio's, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port (default: Gradio's, the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="a public link, by Gradio's servers")
    return parser


def _free_port(port: int, host: str | None, tries: int = 100) -> int:
    """Return the port, or the next free one, saying so."""
    for candidate in range(port, port + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host or "127.0.0.1", candidate))
            except OSError:
                continue
        if candidate != port:
            print(f"port {port} is in use: taking {candidate}", flush=True)
        return candidate
    return port


if __name__ == "__main__":
    sys.exit(main())
