"""Matches as cards with a small picture, one of them chosen; the keys J and K step through."""

from __future__ import annotations

import streamlit as st

from compare.ranked_list import distance_words
from medsiam import Case, Match, MedsiamError, ReferenceBank
from shell.plain_text import in_markdown
from shell.thumbnails import pictures


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
        shown = _picture(bank, case)
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


def _picture(bank: ReferenceBank, case: Case | None) -> bytes | None:
    if case is None:
        return None
    try:
        return next(iter(pictures(bank, case)), None)
    except MedsiamError:
        return None  # the viewer says it, for the one that is chosen
