"""The reading page: a router. `medsiam review` starts it with safe settings."""

from __future__ import annotations

import os

import streamlit as st

from bank_pages.overview import bank_page
from compare.page import compare_page
from help_page import help_page
from medsiam import MedsiamError
from shell.open_bank import the_bank
from shell.plain_text import in_markdown
from shell.style import STYLE, page_icon, strip_html

st.set_page_config(page_title="medsiam", page_icon=page_icon(), layout="wide")
page = st.navigation(
    [
        st.Page(compare_page, title="Compare", icon=":material/compare:", default=True),
        st.Page(bank_page, title="Bank", icon=":material/inventory_2:", url_path="bank"),
        st.Page(help_page, title="Help", icon=":material/help:", url_path="help"),
    ],
    position="top",
)
st.html(STYLE)
try:
    st.html(strip_html(the_bank()))
    page.run()
except MedsiamError as error:
    st.error(in_markdown(error), icon=":material/error:")
except Exception as error:
    if os.environ.get("MEDSIAM_TRACEBACK"):
        raise
    # Only the kind of error: the text of a foreign exception may quote a header.
    st.error(
        f"Unexpected {type(error).__name__}: this is a fault of medsiam, please report it. "
        "Started with MEDSIAM_TRACEBACK=1, `medsiam review` shows where; look for patient data "
        "before you send that on.",
        icon=":material/bug_report:",
    )
