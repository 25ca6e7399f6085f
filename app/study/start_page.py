"""Start: three ways to open a study, what happens to it on the way in, and what is open."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from medsiam import ReferenceBank
from shell.open_bank import may_curate, the_bank
from shell.pages import page
from shell.plain_text import in_markdown
from study.checks import may_go_on
from study.gallery import choose_series
from study.opened import all_opened, keep
from study.opening import Opening, choose, held, hold, label_of, unchoose
from study.timeline import fault_html, show_timeline
from study.ways_in import empty_choosers, show_ways
from study.worklist import show_worklist


def start_page() -> None:
    """Draw the page."""
    bank = the_bank()
    if not bank.cases:
        st.info(
            "This bank holds no cases yet. Add some with `medsiam bank add` and look again.",
            icon=":material/inventory_2:",
        )
        if not may_curate():
            return
    for phase in bank.phases:
        _one_phase(bank, phase)
    openings = [held(phase) for phase in bank.phases]
    if all(opening is not None and opening.accepted for opening in openings):
        _open([opening for opening in openings if opening is not None], bank)
    show_worklist()
    if not all_opened() and not any(openings):
        st.caption("No study is open. What you open stays on this computer, for you alone.")


def _one_phase(bank: ReferenceBank, phase: str) -> None:
    """Show how far one scan has come."""
    if phase:
        st.markdown(f"#### Phase {in_markdown(phase)}")
    opening = held(phase)
    if opening is None:
        opening = show_ways(bank, phase)
        if opening is None:
            return
        if not opening.accepted or len(bank.phases) > 1:
            st.rerun()  # without the ways in
    if opening.accepted:
        if len(bank.phases) > 1:
            assert opening.scan is not None
            st.success(f"Ready: {in_markdown(label_of(opening.scan))}", icon=":material/check:")
        return
    if not phase:
        st.markdown("#### Opening a study")
    show_timeline(opening)
    if opening.fault is not None:
        st.html(fault_html(opening))
    if opening.fault is None and opening.scan is None:
        _choose(opening, bank, phase)
    else:
        _decide(opening, phase)


def _choose(opening: Opening, bank: ReferenceBank, phase: str) -> None:
    assert opening.found is not None
    key = choose_series(opening.found, phase)
    if key is not None:
        with st.spinner("Reading the series ..."):
            hold(phase, choose(opening, key, bank))
        st.rerun()
    st.button("Stop", key=f"stop {phase}", on_click=partial(_start_over, phase))


def _start_over(phase: str) -> None:
    """Forget the scan, and what it was chosen with: an overtaken run may not have done so."""
    hold(phase, None)
    empty_choosers()


def _decide(opening: Opening, phase: str) -> None:
    """Continue, where that is allowed; choose another; stop."""
    with st.container(horizontal=True):
        if opening.scan is not None and may_go_on(opening.checks):
            st.button(
                "Continue",
                key=f"continue {phase}",
                type="primary",
                on_click=partial(hold, phase, replace(opening, accepted=True)),
            )
        back = unchoose(opening)
        st.button(
            "Choose another series" if back else "Choose another study",
            key=f"other {phase}",
            on_click=partial(hold, phase, back) if back else partial(_start_over, phase),
        )
        if back is not None:
            st.button("Stop", key=f"stop {phase}", on_click=partial(_start_over, phase))


def _open(openings: list[Opening], bank: ReferenceBank) -> None:
    """Keep the study and go to its comparison."""
    scans = [opening.scan for opening in openings if opening.scan is not None]
    study_id = keep(
        scans,
        " + ".join(label_of(scan) for scan in scans),
        [check for opening in openings for check in opening.checks],
        [name for opening in openings for name in opening.names],
    )
    for phase in bank.phases:
        hold(phase, None)
    st.switch_page(page("compare"), query_params={"study": study_id})
