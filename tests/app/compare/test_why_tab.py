from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compare.why_tab import strongest_words
from medsiam.comparison import explain_match
from tests.app.conftest import scan_2d, scan_3d, text_of


def script():
    import streamlit as st

    from compare.why_tab import maps_of, show_why
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank, query = the_bank(), scan_2d("across", 300)
    match = compare(query, bank).matches[st.number_input("place", 0, 4, 0)]
    case = next(case for case in bank.cases if case.case_id == match.case_id)
    key = ("study", match.case_id, bank.version)
    show_why(key, case, (query,), bank)
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
    assert "strongest" not in text_of(app)  # an image has one slice
    app.number_input[0].set_value(1).run()
    assert app.session_state["seen"][1] is None
    app.number_input[0].set_value(0).run()
    assert app.session_state["seen"][1] is not None


def test_a_case_that_was_removed_has_no_maps(start, bank_2d):
    def removed():
        from compare.why_tab import show_why
        from shell.open_bank import the_bank

        show_why(("study", "gone", 1), None, (), the_bank())

    app = start(bank_2d, script=removed)
    assert "removed from the bank" in app.info[0].value
    assert not app.button


def test_maps_of_few_matches_are_held(start, bank_2d):
    app = start(bank_2d, script=script)
    for place in range(4):
        app.number_input[0].set_value(place).run()
        app.button[0].click().run()
    app.number_input[0].set_value(0).run()
    assert app.session_state["seen"][1] is None


@pytest.mark.parametrize(("to_head", "place"), [(1, 2), (-1, 5)])
def test_slices_are_counted_from_the_feet_up_as_the_viewer_does(to_head, place):
    affine = np.diag([-2.0, -2.0, 4.0 * to_head, 1.0])
    scan = replace(scan_3d("along", 3), affine=affine)
    values = np.zeros(scan.spatial_shape)
    values[:, :, 1] = 1.0
    words = strongest_words(scan, values)
    assert words.startswith("axial ")
    assert words.endswith(" of 6")
    assert str(place) in words.removeprefix("axial ").split(" of ")[0].split(", ")
