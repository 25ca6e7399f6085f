"""Blinded reading: the reader commits to a guess before the diagnoses are shown."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from shell.plain_text import in_markdown

_ON, _GUESSES = "blinded reading", "guesses"
_NONE = "none of these"


def choose_blinded() -> bool:
    """Show the switch; it holds for all studies of this visit."""
    return st.toggle(
        "Blinded reading",
        key=_ON,
        help="Diagnoses stay hidden until you have committed to a guess of your own.",
    )


def is_blinded(study: str) -> bool:
    """Whether the diagnoses of this study are still to be hidden."""
    return bool(st.session_state.get(_ON)) and guess_of(study) is None


def guess_of(study: str) -> str | None:
    """What the reader committed to before he saw the diagnoses; None where he did not."""
    guesses: dict[str, str] = st.session_state.get(_GUESSES, {})
    return guesses.get(study)


def ask_for_guess(study: str, conditions: Sequence[str]) -> None:
    """Show the form; committing shows the diagnoses.

    Args:
        study: that is read.
        conditions: of the bank, to choose from; another one may be typed.
    """
    st.info(
        "Blinded reading: look at the query and its matches, commit to a guess, then see the "
        "diagnoses. A guess cannot be changed afterwards.",
        icon=":material/visibility_off:",
    )
    with st.form(f"guess {study}", border=False):
        guess = st.selectbox(
            "Your guess",
            [*conditions, _NONE],
            index=None,
            accept_new_options=True,
            placeholder="choose or type a diagnosis",
        )
        if st.form_submit_button("Commit and show the diagnoses", type="primary"):
            if guess is None or not guess.strip():
                st.warning("Choose or type a guess first.")
            else:
                st.session_state.setdefault(_GUESSES, {})[study] = guess.strip()
                st.rerun()


def show_guess(study: str) -> None:
    """Say what the guess was, once the diagnoses are shown."""
    guess = guess_of(study)
    if guess is not None:
        st.caption(f"Your guess before the diagnoses were shown: **{in_markdown(guess)}**")
