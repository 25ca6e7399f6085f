"""Matches as cards with a small picture, one of them chosen; the keys J and K step through."""

from __future__ import annotations

import streamlit as st

from compare.ranked_list import distance_words
from medsiam import Case, Match, MedsiamError, ReferenceBank
from medsiam.reports import encode_png, main_axis, render_slice
from shell.open_bank import case_scans
from shell.plain_text import in_markdown

_SIDE = 96  # pixels of a thumbnail


def choose_match(
    matches: tuple[Match, ...], bank: ReferenceBank, *, key: str, blinded: bool
) -> Match:
    """Show the cards and return the chosen match; the first until one is chosen.

    Args:
        matches: at least one.
        bank: that holds them.
        key: unique to study and list; the session keeps the chosen place under it.
        blinded: without condition and case.
    """
    cases = {case.case_id: case for case in bank.cases}
    place = min(st.session_state.get(key, 0), len(matches) - 1)
    for number, match in enumerate(matches):
        picture, words = st.columns([2, 7], vertical_alignment="center", gap="small")
        case = cases.get(match.case_id)
        shown = None if case is None else _thumbnail_or_none(str(bank.path), case)
        if shown is not None:
            picture.image(shown, width="stretch", alt=f"match {match.rank}")
        with words:
            # The chosen one is told by its mark too, not by colour alone.
            mark = ":material/visibility: " if number == place else ""
            if st.button(
                mark + _title(match, blinded),
                key=f"{key} {number}",
                type="primary" if number == place else "secondary",
                width="stretch",
            ):
                st.session_state[key] = number
                st.rerun()
            st.caption(_caption(match, case, blinded))
    return matches[place]


def go_on(key: str, step: int, n_matches: int) -> None:
    """Choose the next or the one before, if there is one, and draw the page again.

    Args:
        key: see `choose_match`.
        step: 1 or -1.
        n_matches: in the list.
    """
    st.session_state[key] = min(max(st.session_state.get(key, 0) + step, 0), n_matches - 1)
    st.rerun()


def _title(match: Match, blinded: bool) -> str:
    return f"Match {match.rank}" if blinded else f"{match.rank}. {in_markdown(match.condition)}"


def _caption(match: Match, case: Case | None, blinded: bool) -> str:
    words = [f"distance {in_markdown(distance_words(match.distance))}"]
    if blinded:
        return words[0]
    words.append(f"case {in_markdown(match.case_id)}")
    if case is None:
        words.append("no longer in the bank")
    elif case.proof == "none":
        words.append(":orange-badge[no proof]")
    else:
        words.append(f":blue-badge[{in_markdown(case.proof)}]")
    if match.n_further_cases:
        words.append(f"{match.n_further_cases} more of this patient")
    return " · ".join(words)


def _thumbnail_or_none(bank_path: str, case: Case) -> bytes | None:
    try:
        return thumbnail(bank_path, case.case_id, case.content_hashes)
    except MedsiamError:
        return None  # the viewer says it, for the one that is chosen


@st.cache_resource(max_entries=512, show_spinner=False)
def thumbnail(bank_path: str, case_id: str, content_hashes: tuple[str, ...]) -> bytes:
    """Return the middle slice of a case's first scan as a small PNG.

    Args:
        bank_path: of the open bank.
        case_id: of the case.
        content_hashes: tell it from a later case of this name.
    """
    scan = case_scans(bank_path, case_id, content_hashes)[0]
    axis = main_axis(scan)
    middle = scan.spatial_shape[axis] // 2 if scan.spatial_dims == 3 else 0
    return encode_png(render_slice(scan, middle, axis=axis), longest=_SIDE)
