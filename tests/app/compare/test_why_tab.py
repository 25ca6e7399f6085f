from __future__ import annotations

import numpy as np

from medsiam.comparison import explain_match
from tests.app.conftest import scan_2d, text_of


def script():
    import streamlit as st

    from compare.why_tab import maps_of, show_why
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank, query = the_bank(), scan_2d("across", 300)
    match = compare(query, bank).matches[st.number_input("place", 0, 4, 0)]
    key = ("study", match.case_id, bank.version)
    show_why(key, match, (query,), bank)
    st.session_state["seen"] = match, maps_of(key)


def test_maps_are_made_when_asked_and_kept_for_the_match(start, bank_2d):
    app = start(bank_2d, script=script)
    assert "do not outline a lesion" in text_of(app)
    assert app.session_state["seen"][1] is None
    app.button[0].click().run()
    assert not app.exception
    match, (found,) = app.session_state["seen"]
    (expected,) = explain_match((scan_2d("across", 300),), match.case_id, bank_2d)
    np.testing.assert_allclose(found.query.values, expected.query.values, atol=1e-6)
    assert "not checked on this bank" in text_of(app).replace("\\", "")
    assert len(app.get("image")) == 2
    app.number_input[0].set_value(1).run()
    assert app.session_state["seen"][1] is None
    app.number_input[0].set_value(0).run()
    assert app.session_state["seen"][1] is not None


def test_maps_of_few_matches_are_held(start, bank_2d):
    app = start(bank_2d, script=script)
    for place in range(4):
        app.number_input[0].set_value(place).run()
        app.button[0].click().run()
    app.number_input[0].set_value(0).run()
    assert app.session_state["seen"][1] is None
