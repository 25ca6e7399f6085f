"""Compare: a study in, the ranked matches beside it."""

from __future__ import annotations

import streamlit as st

from compare.answering import answer
from compare.case_facts import case_facts, facts_html, query_facts, settings_facts
from compare.exports import show_downloads
from compare.ranked_list import choose_match, conditions_html, verdict_html
from compare.settings import choose_settings
from medsiam import Comparison, Match, MedsiamError, ReferenceBank, Scan
from shell.open_bank import case_scans, the_bank
from shell.plain_text import in_markdown
from study.picker import pick_scan, show_left_out
from viewer.paired_viewer import Pane, paired_viewer

VISITOR_COOKIE = "medsiam_visitor"


def compare_page() -> None:
    """Draw the page."""
    bank = the_bank()
    if not bank.cases:
        st.info(
            "This bank holds no cases yet. Add some with `medsiam bank add` and look again.",
            icon=":material/inventory_2:",
        )
        return
    picker, aside = st.columns([5, 1], vertical_alignment="top")
    with aside:
        with st.popover("Settings", icon=":material/tune:", width="stretch"):
            settings = choose_settings(len(bank.cases))
        show_left_out(bank)
    with picker:
        scans = [pick_scan(bank, phase) for phase in bank.phases]
    if any(scan is None for scan in scans):
        _say_what_to_do(bank)
        return
    query = tuple(scan for scan in scans if scan is not None)
    try:
        comparison = answer(query, bank, settings)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/error:")
        return
    _show(comparison, query, bank)


def _say_what_to_do(bank: ReferenceBank) -> None:
    dims = bank.encoder_card.recipe.spatial_dims
    kind = "images (2D)" if dims == 2 else "volumes (3D)"
    scans = "one scan" if len(bank.phases) == 1 else f"{len(bank.phases)} scans, one per phase"
    st.info(
        f"Open a study: {scans}. This bank holds {len(bank.cases)} cases of "
        f"{len(bank.conditions)} conditions and compares {kind}"
        f"{' of modality ' + ', '.join(sorted(bank.modalities)) if bank.modalities else ''}.",
        icon=":material/radiology:",
    )


def _show(comparison: Comparison, query: tuple[Scan, ...], bank: ReferenceBank) -> None:
    cases = {case.case_id: case for case in bank.cases}
    st.html(verdict_html(comparison))
    ranks, view = st.columns([3, 7], gap="medium")
    with ranks:
        st.html(conditions_html(comparison))
        match = choose_match(comparison, cases)
    with view:
        _show_match(match, query, bank)
    st.divider()
    about_case, about_query, about_settings = st.columns([3, 3, 4], gap="medium")
    with about_case:
        st.markdown("##### This match")
        if match.case_id in cases:
            st.html(facts_html(case_facts(cases[match.case_id])))
    with about_query:
        st.markdown("##### Query")
        st.html(facts_html(query_facts(comparison)))
    with about_settings:
        st.markdown("##### How it was compared")
        st.html(facts_html(settings_facts(comparison)))
        show_downloads(comparison, query, bank)


def _show_match(match: Match, query: tuple[Scan, ...], bank: ReferenceBank) -> None:
    case = next((case for case in bank.cases if case.case_id == match.case_id), None)
    if case is None:
        st.warning("This case was removed from the bank; compare again.")
        return
    try:
        scans = case_scans(str(bank.path), case.case_id, case.content_hashes)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/broken_image:")
        return
    title = f"{match.rank}. {match.condition} ({match.case_id})"
    paired_viewer(
        tuple(Pane(scan, "") for scan in query),
        tuple(Pane(scan, title) for scan in scans),
        phases=case.phases,
        key="pair",
        visitor=st.context.cookies.get(VISITOR_COOKIE, ""),
    )
