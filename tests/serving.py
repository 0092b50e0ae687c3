"""The app's page, served within the tests' own process."""

import socket
from contextlib import contextmanager


def free_port():
    """Return a port that the system gives: Gradio's search from 7860 on lets two processes take the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving_page(service, backend=None):
    """Give the address of a page for this service."""
    from app import page

    demo = page.build(service, backend)
    where = {"server_name": "127.0.0.1", "server_port": free_port()}
    _, address, _ = demo.launch(**page.launch_options(), **where, prevent_thread_lock=True)
    try:
        yield address
    finally:
        demo.close()
