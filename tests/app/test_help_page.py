from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script():
    from help_page import help_page

    help_page()


def test_help_says_how_to_read_a_distance_and_what_cannot_be_done():
    app = AppTest.from_function(script).run()
    assert not app.exception
    text = app.markdown[0].value
    for promise in ("Lower is closer", "not a probability", "none of these", "Not for diagnosis"):
        assert promise in text
