"""What every answer tells the browser: load nothing from elsewhere, keep nothing, frame nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HASHED = "/static/"  # files whose names change with their content
_NOT_ASKED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "geolocation",
    "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer", "microphone", "midi",
    "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb",
    "xr-spatial-tracking",
)  # fmt: skip


class SecurityHeaders:
    """Set the headers on every answer, whoever made it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add the headers to what comes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_always())
                lasting = scope["path"].startswith(_HASHED) and message["status"] in (200, 304)
                if not lasting:
                    headers["Cache-Control"] = "no-store"
                del headers["Access-Control-Allow-Origin"]  # the page asks only its own server
            await send(message)

        await self._app(scope, receive, with_headers)


@cache
def _always() -> dict[str, str]:
    return {
        "Content-Security-Policy": content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _NOT_ASKED),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def content_security_policy() -> str:
    """Return the policy: as tight as the page's own scripts, charts and components work with."""
    allowed = {
        "default-src": "'none'",
        # blob: is where components (v2) are loaded from; the hashes are of the page's own scripts.
        "script-src": " ".join(["'self'", "blob:", *_inline_scripts()]),
        "style-src": "'self' 'unsafe-inline'",  # written by the page's widgets as they are drawn
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' blob:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in allowed.items())


def _inline_scripts() -> list[str]:
    """Hashes of the scripts that stand in Streamlit's one HTML page itself."""
    page = Path(st.__file__).with_name("static") / "index.html"
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text(encoding="utf-8"), re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in scripts)
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
