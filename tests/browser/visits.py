"""Opening the page as a visitor does."""

from contextlib import contextmanager


@contextmanager
def visiting(browser, url):
    """Give a function that opens the page in a context of its own and waits until it is ready.

    The page may ask no other host, and its script may not fail.
    """
    contexts, foreign, errors = [], [], []

    def visit(ready=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: None if is_own(r.url) else foreign.append(r.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        if ready:
            page.wait_for_selector(".sn[data-state=ready]", timeout=180_000)
        return page

    def is_own(address):
        return address.startswith((url, "data:", "blob:"))

    yield visit
    for context in contexts:
        context.close()
    assert not foreign, "the page asked another host"
    assert not errors, "the page's script failed"
