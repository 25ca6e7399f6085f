"""What serves `viewer_script.py` to the browser of a test: the page, and the volume route."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tests.app.viewer.viewer_script import VISITOR
from viewer.volume_route import volume_route

app = st.App(
    Path(__file__).with_name("viewer_script.py"), routes=[volume_route(lambda request: VISITOR)]
)
