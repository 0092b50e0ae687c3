"""Proxies that the environment names: not asked for this machine, and no obstacle if they can't be used."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

VARIABLES = ("http_proxy", "https_proxy", "all_proxy")  # and in capitals
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def spare_this_machine(hosts: Iterable[str] = ()) -> None:
    """Have no proxy asked for this machine's own addresses; `hosts` are more of them.

    Gradio asks the page that it serves whether it is there, and a proxy knows nothing of it.
    """
    before = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    names = [name.strip() for name in before.split(",") if name.strip()]
    names += [host for host in (*_LOOPBACK, *hosts) if host and host not in names]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(names)


@contextmanager
def without_strange_ones() -> Iterator[None]:
    """Hide the environment's proxies inside, if the HTTP library can't use them: not even to ask elsewhere.

    It refuses to be set up then, and what serves a page couldn't start. What downloads later says why not.
    """
    hidden = {}
    if trouble():
        hidden = {name: text for name, text in os.environ.items() if name.lower() in VARIABLES}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def trouble() -> str:
    """Return in a sentence why the environment's proxies can't be used, "" if they can or there are none."""
    names = [name for name, text in os.environ.items() if name.lower() in VARIABLES and text]
    if not names:
        return ""
    import httpx

    try:
        httpx.Client().close()
    except ImportError:
        return f"{' and '.join(names)}: a SOCKS proxy needs the package socksio (pip install socksio)"
    except Exception as error:  # an unknown scheme, no address at all
        kind = "an address like http://host:port or socks5://host:port is needed"
        return f"{' and '.join(names)} can't be used ({type(error).__name__}): {kind}"
    return ""
