"""The pages by name, so that one can lead to another without knowing it."""

from __future__ import annotations

from typing import Any

import streamlit as st

_PAGES = "pages by name"


def remember_pages(pages: dict[str, Any]) -> None:
    """Say which pages there are; the router does at the begin of each run."""
    st.session_state[_PAGES] = pages


def page(name: str) -> Any:
    """Return a page of the router.

    Raises:
        KeyError: there is no such page.
    """
    return st.session_state[_PAGES][name]
