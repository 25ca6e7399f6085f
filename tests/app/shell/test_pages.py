from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script():
    import streamlit as st

    from shell.pages import page, remember_pages

    remember_pages({"start": "a page"})
    st.text(page("start"))


def test_a_page_is_found_by_its_name():
    app = AppTest.from_function(script).run()
    assert app.text[0].value == "a page"
