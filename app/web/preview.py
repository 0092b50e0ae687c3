"""What a link to the page shows where people send it: the page's own words, not Gradio's."""

import re
from html import escape

TITLE = "SN-Net explorer: one network, many speeds"
DESCRIPTION = (
    "Trained classifiers stitched into one file: slide to choose how much work it does per photo, see it "
    "beside the timm zoo, and try it on your own photo."
)

_THEIRS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')
_FIRST = b'<meta charset="utf-8" />'


def with_preview(page: bytes) -> bytes:
    """Return a page with its own title and description for previews, in place of Gradio's."""
    names = {"og:title": TITLE, "og:type": "website", "og:description": DESCRIPTION}
    metas = [f'<meta property="{name}" content="{escape(text)}" />' for name, text in names.items()]
    metas += [
        f'<meta name="description" content="{escape(DESCRIPTION)}" />',
        '<meta name="twitter:card" content="summary" />',
    ]
    bare = _THEIRS.sub(b"", page)
    return bare.replace(_FIRST, _FIRST + "".join(metas).encode(), 1)
