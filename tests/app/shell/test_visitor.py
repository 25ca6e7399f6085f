from __future__ import annotations

import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shell.visitor import COOKIE, VisitorCookie, visitor_of
from tests.app.asgi import Client

WORD = re.compile(r"[A-Za-z0-9_-]{43}")


async def says_who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(visitor_of(request)))


@pytest.fixture
def client() -> Client:
    routes = [Route("/{rest:path}", says_who, methods=["GET", "POST"])]
    return Client(VisitorCookie(Starlette(routes=routes)))


def test_the_first_page_begins_a_visit_that_lasts(client):
    first = client.ask("/")
    cookie = first.headers["set-cookie"]
    assert WORD.fullmatch(client.cookies[COOKIE])
    for part in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie  # over http on this computer
    assert "Expires" not in cookie
    assert "Max-Age" not in cookie
    again = client.ask("/compare")
    assert "set-cookie" not in again.headers
    assert again.text == client.cookies[COOKIE]


def test_each_browser_gets_another_word(client):
    words = set()
    for _ in range(20):
        client.cookies.clear()
        client.ask("/")
        words.add(client.cookies[COOKIE])
    assert len(words) == 20


def test_over_https_the_cookie_is_secure():
    app = VisitorCookie(Starlette(routes=[Route("/", says_who)]))
    safe = Client(app, "https")
    assert "Secure" in safe.ask("/").headers["set-cookie"]


def test_a_link_from_another_site_does_not_replace_a_visit(client):
    arriving = client.ask("/compare", headers={"Sec-Fetch-Site": "cross-site"})
    assert "set-cookie" not in arriving.headers
    # What the page itself asks for next brings the old cookie, or begins a visit.
    assert "set-cookie" in client.ask("/_stcore/host-config").headers


@pytest.mark.parametrize("path", ["/static/a.js", "/_stcore/health", "/media/x", "/v1/vol/x"])
def test_parts_of_a_page_begin_no_visit(client, path):
    assert "set-cookie" not in client.ask(path).headers


@pytest.mark.parametrize("word", ["", "short", "x" * 44, "x" * 42 + ";", "../" + "x" * 40])
def test_a_word_of_another_form_is_none(client, word):
    said = client.ask("/static/a", headers={"Cookie": f"{COOKIE}={word}"})
    assert said.text == "None"


def script():
    import streamlit as st

    from shell.visitor import visitor

    st.text(visitor())


def test_without_a_cookie_a_session_has_a_word_of_its_own(start, bank_2d):
    one, other = start(bank_2d, script=script), start(bank_2d, script=script)
    assert WORD.fullmatch(one.text[0].value)
    assert one.text[0].value == one.run().text[0].value
    assert one.text[0].value != other.text[0].value
