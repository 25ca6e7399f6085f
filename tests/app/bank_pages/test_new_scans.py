from __future__ import annotations

import numpy as np

from tests.app.conftest import PATIENT_NAME, drawing, text_of


def script():
    import os

    import streamlit as st

    from bank_pages.new_scans import choose_scans
    from shell.pages import remember_pages
    from study.opened import keep
    from tests.app.conftest import PATIENT_NAME, scan_2d

    remember_pages({"start": "https://example.org"})
    if os.environ.get("TEST_OPENED") == "1" and "kept" not in st.session_state:
        for seed in (5, 6):
            scan = scan_2d("along", seed, patient_id=PATIENT_NAME)
            study = keep([scan], f"CR 2D, {seed}", (), names=[PATIENT_NAME])
            st.session_state.setdefault("kept", study)
    scans = choose_scans(0)
    st.session_state["found"] = scans


def test_nothing_open_leads_to_the_start_page(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "Start page" in app.info[0].value
    assert app.session_state["found"] is None


def test_an_open_study_is_taken_as_it_is_and_names_nobody(start, bank_2d, monkeypatch):
    monkeypatch.setenv("TEST_OPENED", "1")
    app = start(bank_2d, script=script)
    assert app.session_state["found"] is None
    assert [option.split(" (")[0] for option in app.selectbox[0].options] == [
        "CR 2D, 6",
        "CR 2D, 5",
    ]
    app.selectbox[0].set_value(app.session_state["kept"]).run()
    assert not app.exception
    (scan,) = app.session_state["found"]
    np.testing.assert_array_equal(scan.array, drawing("along", 5))
    assert PATIENT_NAME not in text_of(app) + " ".join(app.selectbox[0].options)
