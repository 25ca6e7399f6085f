"""What this visitor has open: one line each, and a link to its comparison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import streamlit as st

from medsiam.errors import MedsiamError
from shell.pages import page
from shell.plain_text import in_markdown
from study.identity import can_reveal, reveal
from study.opened import OpenedStudy, all_opened, close

_WIDTHS = [1, 4, 2, 3, 2, 1]


def show_worklist() -> None:
    """Show the studies, the one opened last first; without any, nothing."""
    studies = all_opened()
    if not studies:
        return
    title, switch = st.columns([4, 1], vertical_alignment="bottom")
    title.markdown("##### Open studies")
    shown = switch.toggle(
        "Show identity",
        key="show identity",
        disabled=not can_reveal(),
        help="Shows patient id and file names here. That you have seen them is written down."
        if can_reveal()
        else "Nothing here would keep a record of who has seen it, so it stays hidden.",
    )
    for study in studies:
        with st.container(border=True):
            _line(study)
            if shown:
                _identity(study)


def _line(study: OpenedStudy) -> None:
    opened, what, state, outcome, verdict, end = st.columns(_WIDTHS, vertical_alignment="center")
    opened.markdown(_clock(study.opened))
    what.page_link(
        page("compare"), label=in_markdown(study.label), query_params={"study": study.study_id}
    )
    with state:
        _chip(study)
    outcome.markdown(in_markdown(study.outcome or "not compared yet"))
    verdict.markdown(in_markdown(study.verdict or "no verdict"))
    end.button(
        "Close",
        key=f"close {study.study_id}",
        on_click=close,
        args=(study.study_id,),
        help="Forget this study; its link ends.",
    )


def _clock(seconds: float) -> str:
    """The hour on the reader's own clock."""
    shift = st.context.timezone_offset  # minutes that UTC is ahead of it
    local = timezone(timedelta(minutes=-shift)) if shift is not None else None
    return datetime.fromtimestamp(seconds, UTC).astimezone(local).strftime("%H:%M")


def _chip(study: OpenedStudy) -> None:
    if study.verdict is not None:
        st.badge("decided", icon=":material/done_all:", color="green")
    elif study.outcome is not None:
        st.badge("compared", icon=":material/check:", color="blue")
    else:
        st.badge("ready", icon=":material/schedule:", color="gray")


def _identity(study: OpenedStudy) -> None:
    try:
        seen = reveal(study)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/error:")
        return
    patients = ", ".join(seen.patient_ids) or "no patient id in the header"
    files = ", ".join(seen.names) or "not known"
    st.caption(f"Patient: {in_markdown(patients)} · Files: {in_markdown(files)}")
