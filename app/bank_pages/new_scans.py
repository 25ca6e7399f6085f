"""Choose the scans of a new case: a study that is open, read and checked on the way in."""

from __future__ import annotations

import time

import streamlit as st

from medsiam import Scan
from shell.pages import page
from study.opened import OpenedStudy, all_opened


def choose_scans(turn: int) -> tuple[Scan, ...] | None:
    """Show what is open and return the scans of the chosen study, or None until there is one.

    Args:
        turn: counts the cases added on this visit; each starts with an empty chooser.
    """
    studies = {study.study_id: study for study in all_opened()}
    if not studies:
        st.info(
            "No study is open. Open the new case's study on the Start page, where it is checked "
            "like any other, then come back.",
            icon=":material/add_photo_alternate:",
        )
        st.page_link(page("start"), label="Open a study", icon=":material/folder_open:")
        return None
    chosen = st.selectbox(
        "Study of the new case",
        list(studies),
        index=None,
        format_func=lambda study_id: _label(studies[study_id]) if study_id in studies else "",
        placeholder="one of the studies that are open",
        key=f"new study {turn}",
    )
    return studies[chosen].scans if chosen in studies else None


def _label(study: OpenedStudy) -> str:
    opened = time.strftime("%H:%M:%S", time.localtime(study.opened))
    return f"{study.label} (opened at {opened})"
