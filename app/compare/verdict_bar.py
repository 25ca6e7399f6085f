"""The reader's own verdict on a match: said with one click, confirmed with another, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from medsiam import Comparison, Match, MedsiamError, ReferenceBank
from medsiam.bank import ANSWERS, NONE_OF_THESE, Review, standing
from medsiam.comparison import study_of, verdict_on
from medsiam.reports import review_lines
from shell.plain_text import in_markdown

_LONGEST_COMMENT = 4_000
_SAVED, _FAILED = "verdict saved", "verdict not saved"


def verdict_bar(
    comparison: Comparison,
    match: Match,
    bank: ReferenceBank,
    *,
    reader: str,
    guess: str | None,
    key: str,
    pressed: str | None = None,
) -> None:
    """Draw the bar, and below it what readers said about this study before.

    Args:
        comparison: as it is shown.
        match: the one that is looked at.
        bank: keeps what is said.
        reader: who says it.
        guess: the reader's own, made before diagnoses were shown; None where none was asked for.
        key: of this bar among others.
        pressed: "1" to "4", a key that was just pressed, which chooses an answer; None in every
            other run, or it would choose it again.
    """
    _say_what_happened(key)
    # A choice made for one match, or for one study, must never be saved for another.
    place = f"{key} {study_of(comparison)} {match.case_id}"
    if pressed in _keys():
        st.session_state[f"{place} answer"] = _keys()[pressed]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        answer = st.segmented_control(
            f"Your verdict on case {in_markdown(match.case_id)}, rank {match.rank}",
            ANSWERS,
            format_func=lambda said: f"{ANSWERS.index(said) + 1} {said.capitalize()}",
            key=f"{place} answer",
            help="Keys 1 to 4. 'None of these' is about the study, the others about this case. "
            "It is kept in the bank and changes no ranking.",
        )
        st.text_input(
            "Comment, kept as typed: no names, please",
            key=f"{place} comment",
            max_chars=_LONGEST_COMMENT,
        )
        st.button(
            "Save",
            type="primary",
            icon=":material/save:",
            disabled=answer is None,
            key=f"{place} save",
            on_click=_save,
            args=(comparison, match, bank, reader, guess, key, place),
        )
    _show_said(comparison, bank, reader, key)


def _keys() -> dict[str | None, str]:
    return {str(number): answer for number, answer in enumerate(ANSWERS, start=1)}


def _save(
    comparison: Comparison,
    match: Match,
    bank: ReferenceBank,
    reader: str,
    guess: str | None,
    key: str,
    place: str,
) -> None:
    """Keep what is chosen; called with what was on the screen when the button was drawn."""
    answer = st.session_state.get(f"{place} answer")
    if answer is None:  # a second click on a button that has done its work
        return
    said = verdict_on(
        comparison,
        match,
        answer,
        reader=reader,
        guess=guess,
        comment=st.session_state.get(f"{place} comment"),
    )
    about = "this study" if answer == NONE_OF_THESE else f"case {match.case_id}"

    def keep() -> str:
        number = bank.reviews.append(said).number
        # Only now: what was typed stays there where it could not be kept.
        st.session_state[f"{place} answer"] = None
        st.session_state[f"{place} comment"] = ""
        return f"Saved as review {number}: {answer}, on {about}."

    _try(keep, key)


def _withdraw(bank: ReferenceBank, number: int, reader: str, key: str) -> None:
    def keep() -> str:
        bank.reviews.withdraw(number, reader=reader)
        return f"Withdrawn: review {number}. It stays in the list."

    _try(keep, key)


def _try(keep: Callable[[], str], key: str) -> None:
    try:
        st.session_state[f"{key} {_SAVED}"] = keep()
    except MedsiamError as error:
        st.session_state[f"{key} {_FAILED}"] = str(error)


def _say_what_happened(key: str) -> None:
    """Tell once what the last click has done: kept on the disk, or not and why."""
    if saved := st.session_state.pop(f"{key} {_SAVED}", None):
        st.toast(in_markdown(saved), icon=":material/check:")
    if failed := st.session_state.pop(f"{key} {_FAILED}", None):
        st.error(f"Not saved: {in_markdown(failed)}", icon=":material/error:")


def _show_said(comparison: Comparison, bank: ReferenceBank, reader: str, key: str) -> None:
    try:
        reviews = bank.reviews.of_study(study_of(comparison))
    except MedsiamError as error:
        st.error(in_markdown(error), icon=":material/error:")
        return
    if not reviews:
        st.caption("Nobody has said anything about this study yet.")
        return
    own = [review for review in standing(reviews) if review.reader == reader.strip()]
    with st.expander(f"Said about this study: {len(reviews)}", key=f"{key} said"):
        _show_lines(comparison, reviews)
        for review in own:
            st.button(
                in_markdown(f"Undo {review.number}: {review.answer}"),
                icon=":material/undo:",
                key=f"{key} undo {review.number}",
                on_click=_withdraw,
                args=(bank, review.number, reader, key),
                help="Kept as a withdrawal; nothing is erased.",
            )


def _show_lines(comparison: Comparison, reviews: Sequence[Review]) -> None:
    for line in review_lines(comparison, reviews):
        st.markdown(
            f"{line.number}\\. **{in_markdown(line.said)}** · {in_markdown(line.reader)} · "
            f"{in_markdown(line.time)}"
            + (f" · {in_markdown(line.about)}" if line.about else "")
            + (f" · {in_markdown(line.words)}" if line.words else "")
        )
