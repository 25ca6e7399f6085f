"""What `medsiam review` serves: the pages, and the routes beside them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from starlette.requests import Request

from viewer.volume_route import volume_route


def visitor_of(request: Request) -> str | None:
    """Who asks: the word in a cookie that no script of the page can read."""
    return request.cookies.get("medsiam_visitor")


app = st.App(Path(__file__).with_name("streamlit_app.py"), routes=[volume_route(visitor_of)])
