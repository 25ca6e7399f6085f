"""The study that a visitor looked at last: its link stays whole when he walks between pages."""

from __future__ import annotations

import streamlit as st

from study.opened import all_opened

_PARAMETER = "study"
_LAST = "last study"


def keep_in_link() -> None:
    """Put the last study into the page's address where that names none, and remember it.

    So reload, the back button and a copied link all lead to the same study.
    """
    asked = st.query_params.get(_PARAMETER)
    if asked is None:
        still_open = [study.study_id for study in all_opened()]
        last = st.session_state.get(_LAST)
        asked = last if last in still_open else next(iter(still_open), None)
        if asked is not None:
            st.query_params[_PARAMETER] = asked
    st.session_state[_LAST] = asked
