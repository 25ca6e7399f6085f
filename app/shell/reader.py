"""Under whose name a verdict is kept."""

from __future__ import annotations

import streamlit as st

from medsiam.bank import operating_user
from shell.login import reader_name

_NAME = "reader"


def choose_reader() -> None:
    """Let the reader type his name, where no login has given it."""
    if reader_name() is None:
        st.text_input(
            "Reader",
            key=_NAME,
            placeholder=operating_user() or "your name",
            max_chars=200,
            help="Kept beside your verdicts. By default the user of this computer.",
        )


def the_reader() -> str:
    """Return the name that a verdict is kept under; empty where nobody has said one."""
    typed: str = st.session_state.get(_NAME, "")
    return reader_name() or typed.strip() or operating_user() or ""
