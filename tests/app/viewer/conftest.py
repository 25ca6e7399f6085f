"""A Chromium for the tests of the viewer, and its JavaScript modules by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.serving import CHROMIUM, QUIET

MODULES = Path(__file__).parents[3] / "app" / "viewer"


# Not for the whole session: while it runs, no other test could run an event loop.
@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (see `make setup`)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET])
        yield started
        started.close()


@pytest.fixture(scope="module")
def modules(browser):
    """Call a function of a module: modules("geometry", "clamp", 3, 0, 2).

    {"int16": [...]} stands for an array of such numbers.
    """
    page = browser.new_page()

    def answer(route):
        name = route.request.url.rsplit("/", 1)[1]
        if name.endswith(".js"):
            text = (MODULES / name).read_text(encoding="utf-8")
            route.fulfill(body=text, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://viewer.test/")
    call = """async ([module, name, given]) => {
      const found = (await import(`./${module}.js`))[name];
      const whole = (one) => (one?.int16 ? new Int16Array(one.int16) : one);
      const value = await found(...given.map(whole));
      if (value?.slice instanceof Int16Array) value.slice = [...value.slice];
      return ArrayBuffer.isView(value) ? [...value] : value;
    }"""
    # The import is resolved against the page, whose address stands for the folder.
    call = call.replace("`./${module}.js`", "`http://viewer.test/${module}.js`")
    yield lambda module, name, *given: page.evaluate(call, [module, name, list(given)])
    page.close()
