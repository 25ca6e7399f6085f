from __future__ import annotations

import pytest

from bank_pages.cases import case_row
from medsiam import ReferenceBank
from tests.app.conftest import encoder, scan_2d, text_of


def script():
    from bank_pages.cases import cases_tab
    from shell.open_bank import the_bank

    cases_tab(the_bank())


def figures(app):
    return [one.value for one in app.get("html") if "<figure" in one.value]


def test_every_case_is_in_the_gallery_with_its_picture(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "12 of 12 cases" in text_of(app)
    assert len(figures(app)) == 12
    assert all("data:image/png" in figure for figure in figures(app))
    names = [button.label.replace("\\", "") for button in app.button]
    assert names == [case.case_id for case in bank_2d.cases]


def test_a_filter_narrows_the_gallery(start, bank_2d):
    app = start(bank_2d, script=script)
    app.multiselect(key="cases condition").select("slanted").run()
    assert "4 of 12 cases" in text_of(app)
    assert len(figures(app)) == 4
    assert all("<b>slanted</b>" in figure for figure in figures(app))
    app.text_input(key="cases text").set_value("nothing like it").run()
    assert "Take a filter away" in text_of(app)


def test_the_table_has_the_same_cases(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["cases view"] = "Table"
    app.run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["case"]) == [case.case_id for case in bank_2d.cases]
    assert "SECRET" not in table.to_string()
    assert not figures(app)


def test_a_case_opens_on_its_button(start, bank_2d):
    app = start(bank_2d, script=script)
    button = next(one for one in app.button if one.label.replace("\\", "") == "across-2")
    button.click().run()
    assert not app.exception
    assert "<dd>across-2</dd>" in text_of(app)


@pytest.fixture(scope="module")
def large_bank(tmp_path_factory):
    bank = ReferenceBank.create(tmp_path_factory.mktemp("large") / "b", encoder(2))
    for i in range(30):
        bank.add(scan_2d("along", 700 + i), case_id=f"c{i:02d}", condition="a")
    return bank


def test_only_the_cases_of_a_page_are_decoded(start, large_bank, monkeypatch):
    read = []
    kept = ReferenceBank.scans
    monkeypatch.setattr(
        ReferenceBank, "scans", lambda bank, name: read.append(name) or kept(bank, name)
    )
    app = start(large_bank, script=script)
    assert "30 without proof" in text_of(app)
    assert read == [f"c{i:02d}" for i in range(24)]
    app.pagination[0].select(2).run()
    assert len(figures(app)) == 6
    assert read == [f"c{i:02d}" for i in range(30)]


def test_an_empty_bank_and_one_without_pixels_say_so(start, tmp_path):
    app = start(ReferenceBank.create(tmp_path / "empty", encoder(2)), script=script)
    assert "medsiam bank add" in text_of(app)
    bare = ReferenceBank.create(tmp_path / "bare", encoder(2), pixels=False)
    bare.add(scan_2d("along", 1), case_id="x", condition="a")
    app = start(bare, script=script)
    assert "keeps no pixels" in text_of(app)
    assert "no pixels kept" in figures(app)[0]


def test_a_row_says_what_is_known(bank_2d):
    row = case_row(bank_2d.cases[0])
    assert row["proof"] == "histology"
    assert row["spacing"] == "0.5 x 0.5 mm"
    assert row["patient (hash)"] == bank_2d.cases[0].patient[:12]
