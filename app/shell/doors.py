"""Which requests come in at all: for a name that is ours, and to a place that the app needs."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from shell.login import login_demanded

LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Of Streamlit's own places; the rest (its agent, counters, components of other packages) is shut.
_OWN = "_stcore"
_NEEDED = ("health", "host-config", "stream", "upload_file", "bidi-components")
_NOT_NEEDED = ("component", "app")
_OF_LOGIN = ("auth", "oauth2callback")


class Doors:
    """Answer 403 to a foreign Host, 404 for what the app does not need; pass on all else.

    A page on the internet that points its own name at this computer sends that name as Host.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] in ("http", "websocket"):
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        is_web = scope["type"] == "http"
        if not is_our_name(Headers(scope=scope).get("host")):
            return PlainTextResponse("unknown host name", 403) if is_web else WebSocketClose()
        if not is_needed(scope["path"]):
            return PlainTextResponse("not found", 404) if is_web else WebSocketClose()
        return None


def is_our_name(host: str | None) -> bool:
    """Return True where a Host header names this server: `name` or `name:port`."""
    if not host:
        return False
    try:
        asked = urlsplit(f"//{host}")
        name, _ = asked.hostname, asked.port
    except ValueError:
        return False
    if name is None or asked.netloc != host or "@" in host:
        return False
    return name.rstrip(".") in (st.get_option("server.allowedHosts") or LOOPBACK)


def is_needed(path: str) -> bool:
    """Return True for a place that the app uses; pages are not told apart from each other."""
    parts = [part for part in path.split("/") if part]
    if _OWN in parts:
        return parts[0] == _OWN and len(parts) > 1 and parts[1] in _NEEDED
    first = parts[0] if parts else ""
    if first in _OF_LOGIN:
        return login_demanded()
    return first not in _NOT_NEEDED
