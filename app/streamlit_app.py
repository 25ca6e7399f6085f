"""The reading page: a router. `medsiam review` starts it with safe settings."""

from __future__ import annotations

import os

import streamlit as st

from bank_pages.overview import bank_page
from batch_pages.page import batch_page
from compare.answering import last_answer
from compare.page import compare_page
from encoder_pages.page import encoder_page
from help_page import help_page
from medsiam import MedsiamError
from medsiam.comparison import RESEARCH_USE
from shell.login import require_login, show_reader
from shell.open_bank import the_bank
from shell.pages import remember_pages
from shell.plain_text import in_markdown
from shell.reveals import keep_reveal
from shell.style import STYLE, page_icon, strip_html
from study.identity import log_reveals_with
from study.last_study import keep_in_link
from study.opened import StudyNotOpenError
from study.start_page import start_page

st.set_page_config(
    page_title="medsiam",
    page_icon=page_icon(),
    layout="wide",
    menu_items={"About": RESEARCH_USE},
)
PAGES = {
    "start": st.Page(start_page, title="Start", icon=":material/home:", default=True),
    "compare": st.Page(
        compare_page, title="Compare", icon=":material/compare:", url_path="compare"
    ),
    "batch": st.Page(batch_page, title="Batch", icon=":material/lists:", url_path="batch"),
    "bank": st.Page(
        lambda: bank_page(last_answer()),
        title="Bank",
        icon=":material/inventory_2:",
        url_path="bank",
    ),
    "encoders": st.Page(encoder_page, title="Encoders", icon=":material/hub:", url_path="encoders"),
    "help": st.Page(help_page, title="Help", icon=":material/help:", url_path="help"),
}
page = st.navigation(list(PAGES.values()), position="top")
remember_pages(PAGES)
log_reveals_with(keep_reveal)
st.html(STYLE)
require_login()
try:
    st.html(strip_html(the_bank()))
    show_reader()
    if page is PAGES["compare"]:
        keep_in_link()
    page.run()
except StudyNotOpenError as error:
    st.info(in_markdown(f"{str(error)[0].upper()}{str(error)[1:]}."), icon=":material/radiology:")
    st.page_link(PAGES["start"], label="Go to Start")
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
