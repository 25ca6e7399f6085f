"""Compare: the answer for one open study, and the pictures to judge it by."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from compare.answering import answer, embedding_of
from compare.blinded import ask_for_guess, choose_blinded, guess_of, is_blinded, show_guess
from compare.details_tab import show_details
from compare.distance_tab import show_distance
from compare.exports import show_downloads
from compare.match_cards import choose_match, go_on
from compare.ranked_list import agreement_html, conditions_html, verdict_html
from compare.rankings import WHOLE, Ranking, by_marks, by_region, choose_ranking, show_mark
from compare.settings import Settings, choose_settings
from compare.trust_tab import show_trust
from compare.verdict_bar import verdict_bar
from compare.why_tab import maps_of, show_why
from medsiam import Case, Comparison, Match, MedsiamError, ReferenceBank, Scan
from medsiam.comparison import check_takes_regions
from shell.open_bank import case_scans, the_bank
from shell.plain_text import in_markdown
from shell.reader import choose_reader, the_reader
from shell.visitor import visitor
from study.opened import OpenedStudy, note_outcome, opened
from viewer.paired_viewer import Pane, Viewed, paired_viewer


@dataclass(frozen=True)
class Reading:
    """What is on the page.

    Attributes:
        study: that is read.
        bank: it is compared with.
        settings: of the comparison.
        comparison: the answer.
        hidden: whether diagnoses wait for the reader's own guess.
    """

    study: OpenedStudy
    bank: ReferenceBank
    settings: Settings
    comparison: Comparison
    hidden: bool

    @property
    def query(self) -> tuple[Scan, ...]:
        """The study's scans, in phase order."""
        return self.study.scans

    def slot(self, name: str) -> str:
        """Where the session keeps something of this study."""
        return f"{name} {self.study.study_id}"


def compare_page() -> None:
    """Draw the page."""
    bank = the_bank()
    if not bank.cases:
        st.info(
            "This bank holds no cases yet. Add some with `medsiam bank add` and look again.",
            icon=":material/inventory_2:",
        )
        return
    study = opened(st.query_params.get("study"))
    head, aside = st.columns([6, 1], vertical_alignment="top")
    with aside, st.popover("Settings", icon=":material/tune:", width="stretch"):
        settings = choose_settings(len(bank.cases))
        choose_blinded()
        choose_reader()
    with head:
        try:
            comparison = answer(study.scans, bank, settings)
        except MedsiamError as error:
            st.error(in_markdown(error), icon=":material/error:")
            return
        reading = Reading(study, bank, settings, comparison, is_blinded(study.study_id))
        _show_head(reading)
    _show_body(reading)


def _show_head(reading: Reading) -> None:
    if reading.hidden:
        ask_for_guess(reading.study.study_id, reading.bank.conditions)
        return
    verdict = reading.comparison.verdict
    note_outcome(reading.study.study_id, verdict.condition or verdict.outcome)
    st.html(verdict_html(reading.comparison))
    show_guess(reading.study.study_id)


def _show_body(reading: Reading) -> None:
    ranks, view = st.columns([3, 8], gap="medium")
    with ranks:
        if not reading.hidden:
            st.html(conditions_html(reading.comparison))
            st.html(agreement_html(reading.comparison))
        ranking = choose_ranking(_rankings(reading), reading.slot("ranking"))
        if ranking.note is not None:
            st.caption(in_markdown(ranking.note))
        if not ranking.matches:
            st.info("No other patient is left to list.")
            return
        place = reading.slot(f"match by {ranking.name}")
        match = choose_match(ranking.matches, reading.bank, key=place, blinded=reading.hidden)
    case = next((case for case in reading.bank.cases if case.case_id == match.case_id), None)
    with view:
        viewed = _show_pair(match, case, reading)
        if not reading.hidden:
            verdict_bar(
                reading.comparison,
                match,
                reading.bank,
                reader=the_reader(),
                guess=guess_of(reading.study.study_id),
                key=reading.slot("verdict"),
                pressed=None if viewed is None else viewed.verdict,
            )
            show_mark(match, _marks(reading), reading.slot("mark"))
            _show_tabs(match, case, reading)
            show_downloads(reading.comparison, reading.query, reading.bank)
    if viewed is not None:
        _heed(viewed, place, ranking, reading)


def _rankings(reading: Reading) -> list[Ranking]:
    found = [Ranking(WHOLE, reading.comparison.matches)]
    box = st.session_state.get(reading.slot("region"))
    if box is not None:
        ranking = by_region(
            box, reading.query, reading.bank, reading.settings, reading.slot("by region")
        )
        found += [ranking] if ranking is not None else []
    marked = by_marks(
        _marks(reading),
        embedding_of(reading.query, reading.bank),
        reading.query,
        reading.bank,
        reading.comparison,
    )
    return found + ([marked] if marked is not None else [])


def _marks(reading: Reading) -> dict[str, str]:
    marks: dict[str, str] = st.session_state.setdefault(reading.slot("marks"), {})
    return marks


def _show_pair(match: Match, case: Case | None, reading: Reading) -> Viewed | None:
    if case is None:
        st.warning("This case was removed from the bank; compare again.")
        return None
    try:
        scans = case_scans(str(reading.bank.path), case.case_id, case.content_hashes)
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/broken_image:")
        return None
    maps = None if reading.hidden else maps_of(_map_key(match, reading))
    title = str(match.rank)
    if not reading.hidden:
        title += f": {match.condition} ({match.case_id})"
    queries, matches = [], []
    for phase, (query, kept) in enumerate(zip(reading.query, scans, strict=True)):
        found = None if maps is None else maps[phase]
        queries.append(Pane(query, "", None if found is None else found.query.values))
        matches.append(Pane(kept, title, None if found is None else found.match.values))
    return paired_viewer(
        tuple(queries),
        tuple(matches),
        phases=reading.bank.phases,
        key=reading.slot("viewer"),
        visitor=visitor(),
        pick_region=_takes_regions(reading.bank),
    )


def _takes_regions(bank: ReferenceBank) -> bool:
    try:
        check_takes_regions(bank.encoder_card)
    except MedsiamError:
        return False
    return True


def _show_tabs(match: Match, case: Case | None, reading: Reading) -> None:
    why, distance, details, trust = st.tabs(["Why similar", "Distance", "Details", "Trust"])
    with why:
        show_why(_map_key(match, reading), case, reading.query, reading.bank)
    with distance:
        show_distance(match, reading.comparison, reading.bank)
    with details:
        show_details(case, reading.comparison, reading.query)
    with trust:
        show_trust(case, reading.comparison, reading.bank)


def _map_key(match: Match, reading: Reading) -> tuple[str, str, int]:
    return reading.study.study_id, match.case_id, reading.comparison.bank_version


def _heed(viewed: Viewed, place: str, ranking: Ranking, reading: Reading) -> None:
    """Follow what the reader did in the viewer, once the page stands."""
    if viewed.step:
        go_on(place, viewed.step, len(ranking.matches))
    if viewed.region != st.session_state.get(reading.slot("region")):
        st.session_state[reading.slot("region")] = viewed.region
        st.rerun()
