"""volumes.js in the browser: what is kept, and what is refused."""

from __future__ import annotations

import pytest

ID = "000102030405060708090a0b0c0d0e0f"


@pytest.fixture
def fetching(browser, modules):
    """A page whose fetch answers with bytes of our own and counts."""
    page = browser.new_page()
    counts: list[str] = []

    def answer(route):
        from tests.app.viewer.conftest import MODULES

        url = route.request.url
        if url.endswith(".js"):
            text = (MODULES / url.rsplit("/", 1)[1]).read_text(encoding="utf-8")
            route.fulfill(body=text, content_type="text/javascript")
        elif "/volume/" in url:
            counts.append(url)
            token = url.rsplit("/", 1)[1]
            if token == "refused":
                route.fulfill(status=403)
            else:
                route.fulfill(body=bytes.fromhex(ID) + b"\x01\x00\xff\x7f")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", answer)
    page.goto("http://viewer.test/")

    def get(volume_id=ID, token="t", kind="grey", length=4):
        wanted = {"id": volume_id, "token": token, "kind": kind, "length": length}
        return page.evaluate(
            """async (wanted) => {
              const { volumes } = await import('http://viewer.test/volumes.js');
              const shares = [];
              try {
                const found = await volumes.get(wanted, '/volume/', (share) => shares.push(share));
                return [[...found], shares];
              } catch (error) { return error.message; }
            }""",
            wanted,
        )

    yield get, counts
    page.close()


def test_a_volume_is_fetched_once(fetching):
    get, counts = fetching
    values, shares = get()
    assert values == [1, 32767]
    assert shares[-1] == 1
    assert get()[0] == [1, 32767]
    assert get(token="another")[0] == [1, 32767]
    assert len(counts) == 1


def test_another_volume_than_asked_is_refused_and_asked_for_again(fetching):
    get, counts = fetching
    other = "ff" * 16
    assert "another volume came" in get(other)
    assert "another volume came" in get(other)
    assert len(counts) == 2


@pytest.mark.parametrize(("length", "words"), [(6, "only in part"), (2, "more came")])
def test_a_volume_of_another_length_is_refused(fetching, length, words):
    assert words in fetching[0](length=length)


def test_a_refusal_says_what_to_do(fetching):
    assert fetching[0](token="refused") == (
        "the server refused it (403); reload the page to ask again"
    )


def test_maps_are_signed_bytes(fetching):
    assert fetching[0](kind="map", length=4)[0] == [1, 0, -1, 127]
