"""One piece of the server by itself, asked without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http.cookies import SimpleCookie
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message

NAME = "127.0.0.1:8501"


class Answer(NamedTuple):
    status: int
    headers: Headers
    text: str


class Client:
    """Asks, and keeps cookies as a browser does."""

    def __init__(self, app: ASGIApp, scheme: str = "http") -> None:
        self._app, self._scheme = app, scheme
        self.cookies: dict[str, str] = {}

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
    ) -> Answer:
        sent = {"host": NAME, "cookie": self._cookie()} | _lower(headers or {})
        if isinstance(body, bytes):
            sent["content-length"] = str(len(body))
            body = [body]
        messages = self._run("http", path, method, sent, list(body))
        start, *parts = messages
        answer = Headers(raw=start["headers"])
        for cookie in answer.getlist("set-cookie"):
            self.cookies |= {name: one.value for name, one in SimpleCookie(cookie).items()}
        text = b"".join(part.get("body", b"") for part in parts)
        return Answer(start["status"], answer, text.decode())

    def is_refused(self, path: str, headers: dict[str, str]) -> bool:
        """True where a websocket is closed before it was accepted."""
        messages = self._run("websocket", path, "GET", {"host": NAME} | _lower(headers), [])
        return messages[0]["type"] == "websocket.close"

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _run(
        self, kind: str, path: str, method: str, headers: dict[str, str], body: list[bytes]
    ) -> list[Message]:
        raw = [(name.encode(), value.encode()) for name, value in headers.items() if value]
        scope = {
            "type": kind, "path": path, "raw_path": path.encode(), "method": method,
            "headers": raw, "scheme": self._scheme, "query_string": b"", "root_path": "",
            "server": ("127.0.0.1", 8501), "client": ("127.0.0.1", 1), "http_version": "1.1",
            "subprotocols": [],
        }  # fmt: skip
        sent: list[Message] = []
        waiting = list(body)

        async def receive() -> Message:
            if kind == "websocket":
                return {"type": "websocket.connect"}
            piece = waiting.pop(0) if waiting else b""
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            sent.append(message)

        asyncio.run(self._app(scope, receive, send))
        return sent


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def _fine(request: Request) -> PlainTextResponse:
    body = await request.body()
    return PlainTextResponse(f"inside {len(body)}", headers={"Access-Control-Allow-Origin": "*"})


def anything() -> Starlette:
    """Answers 200 to whatever reaches it."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(routes=[Route("/{rest:path}", _fine, methods=methods)])
