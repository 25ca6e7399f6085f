"""What `medsiam review` serves: the pages, the routes beside them, and who may come in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from anyio import to_thread
from starlette.middleware import Middleware

from shell.doors import Doors
from shell.inference import warm_up
from shell.security_headers import SecurityHeaders
from shell.upload_ceiling import UploadCeiling
from shell.visitor import VisitorCookie, visitor_of
from viewer.volume_route import volume_route


@asynccontextmanager
async def _lifespan(_: st.App) -> AsyncIterator[None]:
    """Load what the first reader would wait for."""
    await to_thread.run_sync(warm_up)
    yield


app = st.App(
    Path(__file__).with_name("streamlit_app.py"),
    lifespan=_lifespan,
    routes=[volume_route(visitor_of)],
    middleware=[Middleware(one) for one in (SecurityHeaders, Doors, UploadCeiling, VisitorCookie)],
)
