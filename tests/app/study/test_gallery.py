from __future__ import annotations

from streamlit.testing.v1 import AppTest

from medsiam.scoring import Suggestion
from study.intake import MOST_PREVIEWS, Found
from study.series import Preview, Series, Study


def script():
    import streamlit as st

    from study.gallery import choose_series

    st.session_state["chosen"] = choose_series(st.session_state["found"], "")


def gallery(n: int, suggestion=None) -> AppTest:
    series = tuple(Series(f"k{i}", f"{i} · <MR>", None) for i in range(n))
    previews = tuple(Preview(None) for _ in series[:MOST_PREVIEWS])
    app = AppTest.from_function(script)
    app.session_state["found"] = Found(Study(series, (), suggestion), (), previews)
    return app.run()


def test_the_suggested_series_comes_first_with_its_reason():
    app = gallery(3, Suggestion(2, "a whole series"))
    assert "2 · \\<MR\\>" in app.markdown[1].value
    assert "a whole series" in [caption.value for caption in app.caption]
    app.button[0].click().run()
    assert app.session_state["chosen"] == "k2"


def test_without_a_suggestion_none_is_marked():
    app = gallery(2)
    assert "star" not in str(app.markdown)
    assert app.session_state["chosen"] is None
    app.button[1].click().run()
    assert app.session_state["chosen"] == "k1"


def test_what_has_no_picture_can_be_chosen_too():
    app = gallery(MOST_PREVIEWS + 3)
    assert len(app.button) == MOST_PREVIEWS
    app.selectbox[0].set_value(f"k{MOST_PREVIEWS + 1}").run()
    assert app.session_state["chosen"] == f"k{MOST_PREVIEWS + 1}"
