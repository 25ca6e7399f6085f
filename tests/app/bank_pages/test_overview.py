from __future__ import annotations

from dataclasses import replace

import pytest

from bank_pages.overview import TABS, condition_rows
from tests.app.conftest import text_of


def script():
    from bank_pages.overview import bank_page

    bank_page()


def opened(app, tab):
    app.session_state["bank tab"] = tab
    return app.run()


def test_the_page_says_which_bank_is_open(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "stripes" in app.subheader[0].value
    assert f"version {bank_2d.version}: 12 cases of 3 conditions" in app.caption[0].value
    assert [tab.label for tab in app.tabs[: len(TABS)]] == list(TABS)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws_without_a_fault_and_names_no_patient(start, bank_2d, tab):
    app = opened(start(bank_2d, script=script), tab)
    assert not app.exception
    assert not app.error
    assert "SECRET" not in text_of(app) + str(app)


def test_only_the_open_tab_is_drawn(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.get("vega_lite_chart")
    assert len(opened(app, "Map").get("vega_lite_chart")) == 1


def test_conditions_are_counted(start, bank_2d):
    app = opened(start(bank_2d, script=script), "Conditions")
    counts = app.table[0].value.set_index("condition")
    assert counts["patients"].to_dict() == {"across": 4, "along": 4, "slanted": 4}


def test_patients_are_counted_once_and_cases_without_one_each(bank_2d):
    first, second, third = bank_2d.cases[:3]
    cases = (
        first,
        replace(second, patient=first.patient, proof="none"),
        replace(third, patient=None),
        replace(third, patient=None, case_id="x"),
    )
    assert condition_rows(cases) == [
        {"condition": "along", "cases": 4, "patients": 3, "without proof": 1}
    ]
