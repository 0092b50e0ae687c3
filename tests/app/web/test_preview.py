"""What previews of a link say."""

import re
import urllib.request

from app.web.preview import DESCRIPTION, TITLE, with_preview


def test_the_page_speaks_of_itself_and_not_of_gradio(url):
    with urllib.request.urlopen(url) as answer:
        page = answer.read().decode()
    metas = re.findall(r"<meta[^>]*>", page)
    named = [meta for meta in metas if "og:" in meta or "twitter:" in meta or 'name="description"' in meta]
    assert sum(f'"og:title" content="{TITLE}"' in meta for meta in named) == 1
    assert sum("og:description" in meta for meta in named) == 1
    assert any(DESCRIPTION in meta for meta in named)
    assert not any("radio" in meta for meta in named)


def test_a_page_without_any_gets_them_and_keeps_the_rest():
    page = b'<head><meta charset="utf-8" /><meta name="viewport" content="x"><title>T</title></head>'
    assert b'name="viewport"' in with_preview(page)
    assert b"og:title" in with_preview(page)
