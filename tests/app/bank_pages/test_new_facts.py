from __future__ import annotations

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1.element_tree import Selectbox

from bank_pages.new_facts import Facts
from medsiam.errors import BankError
from tests.app.conftest import PATIENT_ID, scan_2d, text_of


def script():
    import os

    import streamlit as st

    from bank_pages.new_facts import ask_facts
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    scan = scan_2d("along", 1, patient_id=os.environ.get("HEADER_SAYS"))
    st.session_state["facts"] = ask_facts(the_bank(), (scan,), turn=0)


FIELDS = {"id 0": "c1", "source 0": "us", "licence 0": "consent", "curator": "ada", "why 0": "rare"}


def fill(app):
    for key, text in FIELDS.items():
        app.text_input(key=key).set_value(text)
    app.selectbox(key="condition 0").set_value("across")
    app.selectbox(key="proof 0").set_value("genetics")
    app.checkbox(key="looked 0").check()
    return app.run()


@pytest.fixture
def any_words(monkeypatch):
    """Let AppTest send words that are no option, as a browser does."""

    def state(box):
        said = WidgetState(id=box.id)
        if box.value is not None:
            said.string_value = box.value
        return said

    monkeypatch.setattr(Selectbox, "_widget_state", property(state))


def test_everything_is_asked_for_until_it_is_said(start, bank_2d):
    app = start(bank_2d, script=script)
    assert len(app.session_state["facts"].missing) == 9
    fill(app)
    assert app.session_state["facts"].missing == ("patient",)
    app.radio[0].set_value("not known: the case stands alone").run()
    facts = app.session_state["facts"]
    assert facts.missing == ()
    assert (facts.who, facts.why, facts.patient_id) == ("ada", "rare", None)
    new = facts.new_case((scan_2d("along", 1),), ("",))
    assert (new.case_id, new.condition, new.proof) == ("c1", "across", "genetics")
    assert (new.source, new.licence, new.curator) == ("us", "consent", "ada")
    assert new.pixels_checked_by == "ada"


@pytest.mark.parametrize("key", [*FIELDS, "looked 0"])
def test_nothing_that_must_be_said_may_be_left_out(start, bank_2d, key):
    app = fill(start(bank_2d, script=script))
    app.radio[0].set_value("not known: the case stands alone")
    if key == "looked 0":
        app.checkbox(key=key).uncheck()
    else:
        app.text_input(key=key).set_value("  ")
    app.run()
    assert len(app.session_state["facts"].missing) == 1


def test_the_header_gives_the_patient_without_showing_him(start, bank_2d, monkeypatch):
    app = start(bank_2d, script=script)
    assert len(app.radio[0].options) == 2
    monkeypatch.setenv("HEADER_SAYS", PATIENT_ID)
    app = fill(start(bank_2d, script=script))
    app.radio[0].set_value("as the study's header says (not shown)").run()
    facts = app.session_state["facts"]
    assert facts.missing == ()
    assert facts.patient_id == PATIENT_ID
    assert PATIENT_ID not in text_of(app) + repr(facts)


def test_a_typed_patient_is_needed_and_hidden(start, bank_2d):
    app = fill(start(bank_2d, script=script))
    app.radio[0].set_value("typed here").run()
    assert app.session_state["facts"].missing == ("patient",)
    field = app.text_input(key="patient 0")
    assert field.proto.type == field.proto.PASSWORD
    field.set_value(" P-77 ").run()
    assert app.session_state["facts"].patient_id == "P-77"


def test_a_new_condition_may_be_named(start, bank_2d, any_words):
    app = fill(start(bank_2d, script=script))
    app.selectbox(key="condition 0").set_value("quite new").run()
    assert ("condition", "quite new") in app.session_state["facts"].kept


def test_what_a_bank_does_not_keep_is_refused_by_the_library():
    facts = Facts((("case_id", "a\x1bb"), ("condition", "x")), None, "ada", "why", ())
    with pytest.raises(BankError, match="control characters"):
        facts.new_case((scan_2d("along", 1),), ("",))
