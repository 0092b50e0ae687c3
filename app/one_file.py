"""The page of one network as one HTML file that opens from disk: chart, slider, the way through the network.

What needs a server (photos, other networks) is not in it. The scripts are the page's own: an import map names
each module and holds its text, so that no file has to lie beside this one.
"""

import base64
import json
import posixpath
import re
from collections.abc import Mapping
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from snnet import files
from snnet.catalogue.figures import Figures

from . import shipped
from .figures import chart

START = "still.js"
PARTS = ("zoo/zoo", "zoo/compare", "network/route")  # of the page, that need no server
STYLES = ("still", "explorer", *PARTS)

_IMPORT = re.compile(r'^(import [^;"]*)"(\.[\w./-]+)";$', re.MULTILINE)
_TYPES = re.compile(r"^/\*\* @import .*\n", re.MULTILINE)  # no file to ask for them lies beside this one
_SERVED = re.compile(r"<!-- served: -->.*?<!-- :served -->", re.DOTALL)


def write(net: Figures, typed: str, file: Path) -> None:
    """Write the page of a network; `typed` is what its commands call it.

    Raises WriteError.
    """
    measure = f"python -m snnet evaluate {typed} --data PHOTOS"
    layer = chart.network_layer(net, measure) | {"drawing": net.drawing}
    files.write_text(file, build(layer))


def build(layer: dict[str, Any]) -> str:
    """Return the file of a network, given as the page is given it."""
    title = layer["title"]
    data = {"backdrop": chart.zoo_figure(title), "layer": layer}
    styles = "\n".join(shipped.text(f"{name}.css") for name in STYLES)
    icon = base64.b64encode(shipped.shipped("favicon.svg").read_bytes()).decode()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · SN-Net explorer</title>
<link rel="icon" href="data:image/svg+xml;base64,{icon}">
<style>
{styles}</style>
<script type="importmap">{_as_json({"imports": bundle(START)})}</script>
</head>
<body>
<script>document.body.classList.toggle("dark", matchMedia("(prefers-color-scheme: dark)").matches);</script>
<div class="gradio-container"><main class="fillable">
{markup(title, layer["head"])}
</main></div>
<script type="application/json" id="sn-data">{_as_json(data)}</script>
<script>{_in_script(shipped.plotly_js().read_text(encoding="utf-8"))}</script>
<script type="module">import "{_address(START)}";</script>
</body>
</html>
"""


def markup(title: str, head: Mapping[str, str]) -> str:
    """Return the page's markup, without what needs a server."""
    return shipped.markup(title, PARTS, _SERVED.sub("", shipped.text("explorer.html")), head)


def bundle(start: str) -> dict[str, str]:
    """Return a module and all that it imports, by the names that an import map gives them, as data addresses.

    Raises ValueError for an import that this doesn't understand.
    """
    modules: dict[str, str] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if _address(name) in modules:
            continue
        text = _TYPES.sub("", shipped.text(name))
        folder = posixpath.dirname(name)
        imports = {
            path: posixpath.normpath(posixpath.join(folder, path)) for _, path in _IMPORT.findall(text)
        }
        waiting += imports.values()
        renamed = _IMPORT.sub(partial(_renamed, imports), text)
        if left := re.search(r'^import\b.*"\..*$|\bimport\(', renamed, re.MULTILINE):
            line = 'import NAMES from "./FILE.js";'
            raise ValueError(f"{name}: {left[0]!r} can't go into one file: write it as {line}")
        coded = base64.b64encode(renamed.encode()).decode()
        modules[_address(name)] = f"data:text/javascript;base64,{coded}"
    return modules


def _renamed(modules: dict[str, str], match: re.Match[str]) -> str:
    return f'{match[1]}"{_address(modules[match[2]])}";'


def _address(module: str) -> str:
    """Return the name in the import map of a module, given by its path."""
    return f"explorer/{module}"


def _as_json(value: Any) -> str:
    # no "<" at all: neither the end of a script nor a comment can be in it
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _in_script(text: str) -> str:
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")
