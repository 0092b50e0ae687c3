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
    with serving_gate(service, backend) as (address, _):
        yield address


@contextmanager
def serving_gate(service, backend=None, *, most_gb=2.0, **settings):
    """Give the address of a page for this service, and the gate in front of it."""
    from app import page
    from app.web.uploads import Uploads

    uploads = Uploads(most_gb)
    gate = page.gate(service, uploads)
    demo = page.build(service, uploads, backend)
    where = {"server_name": "127.0.0.1", "server_port": free_port()} | settings
    _, address, _ = demo.launch(**page.launch_options(gate), **where, prevent_thread_lock=True)
    try:
        yield address, gate
    finally:
        demo.close()
        uploads.close()
