"""Who is reading: nobody in particular on one's own computer, else the one who has logged in."""

from __future__ import annotations

import os

import streamlit as st


def login_demanded() -> bool:
    """Return True where the server was started so that only known readers come in."""
    return os.environ.get("MEDSIAM_REVIEW_LOGIN") == "1"


def reader_name() -> str | None:
    """Return the name that the login gave, None where there is no login."""
    if not login_demanded():
        return None
    said = st.user.to_dict()
    return next((str(said[key]) for key in ("email", "name", "sub") if said.get(key)), None)


def require_login() -> None:
    """Stop the script, with a button to log in, unless the reader has logged in.

    Call it before anything of a study or a bank is shown.
    """
    if not login_demanded() or st.user.get("is_logged_in", False):
        return
    st.info("This reading page is open to readers who log in.", icon=":material/lock:")
    st.button("Log in", on_click=st.login, type="primary", icon=":material/login:")
    st.stop()


def show_reader() -> None:
    """Show who is logged in and a button to log out; nothing where there is no login."""
    name = reader_name()
    if name is not None:
        st.button(f"Log out {name}", on_click=st.logout, icon=":material/logout:")
