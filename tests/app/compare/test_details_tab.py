from __future__ import annotations

from dataclasses import replace

from tests.app.conftest import text_of


def script():
    import streamlit as st

    from compare.details_tab import show_details
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank, query = the_bank(), scan_2d("across", 300, scanner="<b>Maker</b> A")
    case = bank.cases[0]
    changed = st.session_state.get("change", lambda case: case)(case)
    show_details(changed, compare(query, bank), (query,))


def test_what_was_acquired_alike_is_said(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "both were acquired alike" in text_of(app)
    assert "<td>CR</td><td>CR</td>" in text_of(app)


def test_differences_in_words_and_names_as_they_are(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["change"] = lambda case: replace(
        case, spacing=(1.0, 1.0), scanner="<i>B</i>", modality="DX"
    )
    app.run()
    said = text_of(app)
    assert "pixels of the case are 2 times larger" in said
    assert "another scanner" in said
    assert "another modality" in said
    assert "<b>Maker" not in said
    assert "<i>B" not in said


def test_a_removed_case_is_said(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["change"] = lambda case: None
    app.run()
    assert "removed from the bank" in text_of(app)
