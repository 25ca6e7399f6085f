"""The lists a reader can choose a match from: by the whole scan, by a region, by his marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from compare.settings import Settings
from medsiam import Comparison, Match, MedsiamError, ReferenceBank, Scan
from medsiam.comparison import compare_region, refine
from shell.inference import on_worker
from shell.plain_text import in_markdown

WHOLE, REGION, MARKS = "whole scan", "region", "my marks"
LIKE, UNLIKE = "more like this", "not like this"

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Ranking:
    """One list to choose from.

    Attributes:
        name: WHOLE, REGION or MARKS.
        matches: from near to far.
        note: what this list is not; None for the answer itself.
    """

    name: str
    matches: tuple[Match, ...]
    note: str | None = None


def by_region(
    box: Box, query: tuple[Scan, ...], bank: ReferenceBank, settings: Settings, slot: str
) -> Ranking | None:
    """Rank by a region of the query; computed once for each box.

    Args:
        box: voxels of the query's first scan.
        query: in phase order.
        bank: to rank.
        settings: of the page; a rule that needs a calibration is not taken over.
        slot: of the session, unique to the study.
    """
    asked = (box, settings, bank.version)
    known = st.session_state.get(slot)
    if known is None or known[0] != asked:
        rule = settings.rule if settings.rule != "combined" else None
        try:
            found = on_worker(
                "Comparing the region",
                lambda: compare_region(
                    query, box, bank, k=settings.k, metric=settings.metric, rule=rule
                ),
            )
        except MedsiamError as error:
            st.warning(in_markdown(error), icon=":material/crop_free:")
            return None
        known = st.session_state[slot] = (asked, found)
    found = known[1]
    return Ranking(REGION, found.matches, found.notes[0])


def by_marks(
    marks: dict[str, str],
    embedding: NDArray[np.floating],
    query: tuple[Scan, ...],
    bank: ReferenceBank,
    comparison: Comparison,
) -> Ranking | None:
    """Rank again by the marked cases; None where nothing is marked.

    Args:
        marks: case_id -> LIKE or UNLIKE.
        embedding: of the query.
        query: in phase order.
        bank: to rank.
        comparison: that was marked.
    """
    if not marks:
        return None
    try:
        found = refine(
            embedding,
            query,
            bank,
            like=[case_id for case_id, mark in marks.items() if mark == LIKE],
            unlike=[case_id for case_id, mark in marks.items() if mark == UNLIKE],
            k=comparison.k,
            metric=comparison.metric,
        )
    except MedsiamError as error:
        st.warning(in_markdown(error), icon=":material/thumbs_up_down:")
        return None
    n = f"{len(found.like)} marked as alike, {len(found.unlike)} as not alike"
    return Ranking(MARKS, found.matches, f"{n}; {found.note}")


def choose_ranking(rankings: list[Ranking], key: str) -> Ranking:
    """Let the reader choose the list, where there is more than one.

    Args:
        rankings: the answer itself first.
        key: unique to the study.
    """
    by_name = {ranking.name: ranking for ranking in rankings}
    if len(by_name) == 1:
        return rankings[0]
    name = st.segmented_control(
        "Matches ranked by", list(by_name), default=WHOLE, required=True, key=key
    )
    return by_name.get(name, rankings[0])


def show_mark(match: Match, marks: dict[str, str], key: str) -> None:
    """Let the reader mark the match that is shown; changes `marks`."""
    chosen = st.segmented_control(
        "Look further",
        [LIKE, UNLIKE],
        default=marks.get(match.case_id),
        key=f"{key} {match.case_id}",
        label_visibility="collapsed",
        help="The list is ranked again by what you mark. Nothing is kept, and nothing is learned.",
    )
    if chosen != marks.get(match.case_id):
        if chosen is None:
            marks.pop(match.case_id, None)
        else:
            marks[match.case_id] = chosen
        st.rerun()
