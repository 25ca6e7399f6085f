from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script():
    import numpy as np
    import streamlit as st

    from medsiam import Scan
    from study.last_study import keep_in_link
    from study.opened import close, keep

    if st.session_state.pop("open", False):
        st.session_state["id"] = keep([Scan(np.zeros((4, 4), np.float32), 2)], "MR", ())
    if st.session_state.pop("close", False):
        close(st.session_state["id"])
    keep_in_link()
    st.text(st.query_params.get("study", "none"))


def shown(app: AppTest, study: str | None = None, **state: bool) -> str:
    for name, value in state.items():
        app.session_state[name] = value
    app.query_params.clear()
    if study is not None:
        app.query_params["study"] = study
    return app.run().text[0].value


def test_the_study_looked_at_last_comes_back_into_the_link():
    app = AppTest.from_function(script)
    assert shown(app) == "none"
    first = shown(app, open=True)
    assert first == app.session_state["id"]
    assert shown(app, open=True) == first  # the new one was not looked at yet
    second = app.session_state["id"]
    assert shown(app, study=second) == second  # by its link
    assert shown(app) == second  # and by walking back to the page


def test_a_closed_study_is_not_led_to():
    app = AppTest.from_function(script)
    shown(app, open=True)
    assert shown(app, close=True) == "none"


def test_a_link_to_something_else_is_left_as_it_is():
    assert shown(AppTest.from_function(script), study="guessed") == "guessed"
