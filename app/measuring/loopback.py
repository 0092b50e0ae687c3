"""Who may measure: the person at this machine alone, for what is read are paths of this machine."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

HERE = "127.0.0.1, ::1 or localhost"
PROXY_FIELDS = ("forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip")


def refusal(host: str | None, share: bool, environment: Mapping[str, str]) -> str | None:
    """Return in a sentence why an app that is started like this may not have the backend; None if it may."""
    because = "--backend reads this machine's files"
    if share:
        return f"{because}, and --share serves the page to everyone: leave one of the two out"
    if environment.get("GRADIO_SHARE", "").lower() not in ("", "0", "false"):
        value = environment["GRADIO_SHARE"]
        return f"{because}, and GRADIO_SHARE={value} serves the page to everyone: leave one of the two out"
    if environment.get("SPACE_ID") or environment.get("SYSTEM") == "spaces":
        return f"{because}, and a Space is public: leave --backend out"
    for name, address in (("--host", host), ("GRADIO_SERVER_NAME", environment.get("GRADIO_SERVER_NAME"))):
        if address and not is_loopback(address):
            return f"{because}, and {name} {address} serves others too: it goes with {HERE} alone"
    return None


def is_loopback(host: str) -> bool:
    """True for a name or an address that only this machine reaches."""
    bare = host.strip().strip("[]").rstrip(".").lower()
    if bare == "localhost":
        return True
    try:
        return ip_address(bare).is_loopback
    except ValueError:
        return False


def check_sender(headers: Mapping[str, str]) -> None:
    """Raise PermissionError for a request that another page, or a foreign name of this machine, has sent.

    A browser sends what a foreign page posts, and hides only the answer from it; that page's address stands
    in Origin, and the name by which it found this machine in Host. What a proxy passes on is anyone's.
    """
    for field in headers:
        if field.lower().startswith("x-forwarded") or field.lower() in PROXY_FIELDS:
            raise PermissionError(f"measuring is not for what a proxy passes on ({field}): open {HERE}")
    host, origin = headers.get("host") or "", headers.get("origin")
    name = _name(host)
    if not is_loopback(name):
        raise PermissionError(
            f"measuring is for the page at {HERE}, not at {host or 'no address'}: open it there"
        )
    is_foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if is_foreign or (origin is not None and urlsplit(origin).netloc.lower() != host.lower()):
        raise PermissionError(
            f"measuring is for this page alone, and {origin} is another: open http://{host}/"
        )


def _name(host: str) -> str:
    """Return the name in a Host field, "" if it holds more than a name and a port."""
    if not re.fullmatch(r"[\w.-]+(:\d+)?|\[[\da-f:.]+\](:\d+)?", host, re.ASCII | re.IGNORECASE):
        return ""
    return urlsplit(f"//{host}").hostname or ""
