"""How much one page may upload, refused before it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

MAX_FILES = 900
_ROOM_FOR_FORM = 64 * 1024  # what the form adds to the file's own bytes
_PLACE = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)")


def max_bytes() -> int:
    """Return the ceiling of all uploads of one page together."""
    return int(st.get_option("server.maxUploadSize")) << 20


def release(file_ids: Iterable[str]) -> None:
    """Give back the room of uploads that this session has taken over.

    Streamlit holds each upload until the session ends; who still has the file object keeps it.
    """
    context = get_script_run_ctx()
    remove = getattr(context and context.uploaded_file_mgr, "remove_file", None)
    if context is not None and remove is not None:
        for file_id in file_ids:
            remove(context.session_id, file_id)


class UploadCeiling:
    """Answer 413 where an upload would exceed the ceilings of its page; pass on all else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        place = _PLACE.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if place is not None and scope["method"] == "PUT":
            refusal = _refusal(Headers(scope=scope).get("content-length"), *place.groups())
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _refusal(length: str | None, session: str, file_id: str) -> ASGIApp | None:
    if length is None or not length.isdigit():
        return PlainTextResponse("say how long the upload is", 411)
    kept = {name: size for name, size in _uploaded(session).items() if name != file_id}
    if len(kept) >= MAX_FILES:
        return PlainTextResponse(f"at most {MAX_FILES} files; pack them as one ZIP", 413)
    if sum(kept.values()) + int(length) > max_bytes() + _ROOM_FOR_FORM:
        return PlainTextResponse(f"at most {max_bytes() >> 20} MB together", 413)
    return None


def _uploaded(session: str) -> dict[str, int]:
    """Bytes of each file that the session holds now."""
    held = runtime.get_instance().uploaded_file_mgr
    files = getattr(held, "file_storage", {}).get(session, {})
    return {file_id: len(file.data) for file_id, file in dict(files).items()}
