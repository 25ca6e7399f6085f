"""Whose visit this is: a random word in a cookie, which no script in the browser can read."""

from __future__ import annotations

import re
import secrets

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "medsiam_visitor"
_BYTES = 32
_WORD = re.compile(r"[A-Za-z0-9_-]{43}")
_NOT_A_PAGE = ("/static/", "/_stcore/", "/media/", "/v1/")
# The page asks for this by itself before it connects, so that it brings a cookie that is there.
_ASKED_FIRST = "/_stcore/host-config"


def visitor() -> str:
    """Return the word of this script's visitor; without a cookie, one for this session alone."""
    word = _checked(st.context.cookies.get(COOKIE))
    if word is None:
        word = st.session_state.setdefault(COOKIE, secrets.token_urlsafe(_BYTES))
    return word


def visitor_of(request: HTTPConnection) -> str | None:
    """Return the word that a request brings, None where it brings none."""
    return _checked(request.cookies.get(COOKIE))


class VisitorCookie:
    """Give a cookie to a browser that brings none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the cookie to what comes back."""
        if scope["type"] != "http" or not _may_begin(HTTPConnection(scope)):
            await self._app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                safe = "; Secure" if scope["scheme"] == "https" else ""
                word = secrets.token_urlsafe(_BYTES)
                cookie = f"{COOKIE}={word}; Path=/; HttpOnly; SameSite=Strict{safe}"
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, with_cookie)


def _may_begin(request: HTTPConnection) -> bool:
    """Return True where a visit begins here.

    Who follows a link from another site brings no strict cookie with that first request, though
    there may be one, which a new one would take the place of; it is seen with the next request.
    """
    if visitor_of(request) is not None or request.scope["method"] not in ("GET", "HEAD"):
        return False
    path = request.url.path
    if path == _ASKED_FIRST:
        return True
    from_here = request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return from_here and not path.startswith(_NOT_A_PAGE)


def _checked(word: object) -> str | None:
    return word if isinstance(word, str) and _WORD.fullmatch(word) else None
