from __future__ import annotations

from dataclasses import replace

import pytest

from bank_pages.case_filter import NOT_SAID, CaseFilter, value_of, values_of


def script():
    import streamlit as st

    from bank_pages.case_filter import choose_filter
    from shell.open_bank import the_bank

    cases = the_bank().cases
    asked = choose_filter(cases)
    st.write(", ".join(case.case_id for case in cases if asked.passes(case)))


@pytest.fixture
def cases(bank_2d):
    one, two, three = bank_2d.cases[0], bank_2d.cases[4], bank_2d.cases[8]
    return (
        replace(one, scanner="A", proof="none"),
        replace(two, scanner=None, modality="MR"),
        replace(three, scanner="B"),
    )


def names(cases, **asked):
    passing = CaseFilter(**asked)
    return [case.condition for case in cases if passing.passes(case)]


def test_every_fact_must_hold(cases):
    assert names(cases) == ["along", "across", "slanted"]
    assert names(cases, wanted=(("proof", ("histology",)),)) == ["across", "slanted"]
    both = (("proof", ("histology",)), ("modality", ("CR",)))
    assert names(cases, wanted=both) == ["slanted"]
    assert names(cases, wanted=(("scanner", ("A", "B")), ("condition", ()))) == ["along", "slanted"]
    assert names(cases, text="ALONG") == ["along"]


def test_what_is_not_said_can_be_asked_for_and_comes_last(cases):
    assert values_of(cases, "scanner") == ["A", "B", NOT_SAID]
    assert names(cases, wanted=(("scanner", (NOT_SAID,)),)) == ["across"]
    assert value_of(cases[1], "modality") == "MR"


def test_only_facts_that_tell_cases_apart_have_a_chooser(start, bank_2d):
    app = start(bank_2d, script=script)
    assert [one.label for one in app.multiselect] == ["condition"]
    app.multiselect[0].select("across").run()
    assert app.markdown[0].value == "across-0, across-1, across-2, across-3"
    app.text_input[0].set_value("-2").run()
    assert app.markdown[0].value == "across-2"
