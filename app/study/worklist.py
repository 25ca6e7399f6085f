"""What this visitor has open: one line each, and a link to its comparison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import streamlit as st

from medsiam.bank import standing
from medsiam.errors import MedsiamError
from shell.open_bank import the_bank
from shell.pages import page
from shell.plain_text import in_markdown
from shell.reader import the_reader
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
    opened, what, state, outcome, said, end = st.columns(_WIDTHS, vertical_alignment="center")
    verdict = _verdict(study)
    opened.markdown(_clock(study.opened))
    what.page_link(
        page("compare"), label=in_markdown(study.label), query_params={"study": study.study_id}
    )
    with state:
        _chip(study, verdict)
    outcome.markdown(in_markdown(study.outcome or "not compared yet"))
    said.markdown(in_markdown(verdict or "no verdict"))
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


def _verdict(study: OpenedStudy) -> str | None:
    """What this reader said last of the study and did not take back, as the bank keeps it."""
    try:
        reviews = the_bank().reviews.of_study(study.content)
    except MedsiamError:
        return None  # the page of the study says it
    own = [review.answer for review in standing(reviews) if review.reader == the_reader()]
    return own[-1] if own else None


def _chip(study: OpenedStudy, verdict: str | None) -> None:
    if verdict is not None:
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
