from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from bank_pages.overview import TABS, condition_rows
from medsiam import ReferenceBank
from tests.app.conftest import APP, encoder, scan_2d, text_of


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


NASTY = ("<img src=x onerror=alert(1)>", "![a](http://evil.example/a)", "**b** :material/bug:")


@pytest.fixture(scope="module")
def nasty_bank(tmp_path_factory):
    bank = ReferenceBank.create(
        tmp_path_factory.mktemp("nasty") / "b", encoder(2), name=NASTY[1], who=NASTY[0]
    )
    for number, text in enumerate(NASTY * 2):
        bank.add(
            scan_2d("along", number),
            case_id=f"{text} {number}",
            condition=text,
            patient_id=f"p{number}",
            source=text,
            notes=text,
        )
    return bank


@pytest.mark.parametrize("tab", TABS)
def test_words_of_the_bank_are_never_markup(start, nasty_bank, tab):
    app = opened(start(nasty_bank, script=script), tab)
    if tab == "Audit":
        next(one for one in app.button if one.label == "Audit this version").click().run()
    assert not app.exception
    said = text_of(app) + "".join(button.label for button in app.button)
    said += "".join(str(table.value.to_numpy()) for table in app.table)
    if tab in ("Cases", "Conditions", "Audit"):
        assert "img src=x" in said
    assert not re.search(r"(?<!\\)<img src=x", said)  # in Markdown a backslash stands before it
    assert "](http://evil" not in "".join(one.value for one in (*app.markdown, *app.caption))
    assert not re.search(r"(?<!\\):material/bug", "".join(one.value for one in app.markdown))


def test_what_the_router_imports_loads_neither_torch_nor_charts_nor_statistics():
    code = (
        "import sys, bank_pages.overview, encoder_pages.page, batch_pages.page\n"
        "heavy = {'torch', 'monai', 'sklearn', 'matplotlib', 'altair'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(APP), str(APP.parent)])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
