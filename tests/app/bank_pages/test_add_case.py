from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from bank_pages.add_case import check
from medsiam import ReferenceBank
from medsiam.bank import NewCase
from medsiam.errors import BankError
from tests.app.bank_pages.test_new_facts import FIELDS, any_words, fill  # noqa: F401
from tests.app.conftest import drawing, encoder, scan_2d, scan_3d, text_of, volume


def script():
    import streamlit as st

    from bank_pages.add_case import add_tab
    from shell.open_bank import the_bank
    from shell.pages import remember_pages
    from study.opened import keep

    remember_pages({"start": "https://example.org"})
    if "to open" in st.session_state:
        st.session_state["opened"] = keep([st.session_state.pop("to open")], "a study", ())
    add_tab(the_bank())


@pytest.fixture
def bank(bank_2d, tmp_path):
    return ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))


@pytest.fixture
def curating(start, monkeypatch):
    def run(bank, studies=None):
        monkeypatch.setenv("MEDSIAM_REVIEW_CURATE", "1")
        return start(bank, studies, script=script)

    return run


def upload(app, array):
    """Open a study, as the Start page does, and choose it."""
    scan = scan_2d("along", 1)
    if array.ndim == 3:
        scan = scan_3d("along", 1)
    app.session_state["to open"] = replace(scan, array=array.astype(np.float32))
    app.run()
    return app.selectbox[0].set_value(app.session_state["opened"]).run()


def ready(app, array):
    upload(app, array)
    fill(app)
    return app.radio(key="whose 0").set_value("not known: the case stands alone").run()


def press(app, label):
    button = next(one for one in app.button if one.label.startswith(label))
    assert not button.disabled
    return button.click().run()


def test_without_permission_there_is_nothing_to_press(start, bank_2d, monkeypatch):
    monkeypatch.delenv("MEDSIAM_REVIEW_CURATE", raising=False)
    app = start(bank_2d, script=script)
    assert "medsiam review --curate" in app.info[0].value
    assert [*app.button, *app.selectbox, *app.text_input, *app.checkbox] == []


def test_a_case_is_added_with_who_and_why_as_a_new_version(curating, bank):
    app = ready(curating(bank), drawing("slanted", 901))
    assert bank.version == 12
    press(app, "Check against the bank")
    assert not app.exception
    assert not app.error
    assert "Nearest cases of other patients" in text_of(app)
    assert bank.version == 12  # a check writes nothing
    press(app, "Add to the bank as version 13")
    assert not app.exception
    assert bank.version == 13
    case = bank.cases[-1]
    assert (case.case_id, case.condition, case.proof) == ("c1", "across", "genetics")
    assert (case.source, case.licence, case.curator) == ("us", "consent", "ada")
    assert (bank.versions[-1].who, bank.versions[-1].why) == ("ada", "rare")
    np.testing.assert_array_equal(bank.scans("c1")[0].array, drawing("slanted", 901))
    assert "Case c1" in app.success[0].value.replace("\\", "")
    assert "medsiam bank calibrate" in app.success[0].value.replace("\\", "")
    assert not app.text_input  # the choosers are empty again


def test_what_the_bank_refuses_is_said_before_anything_is_written(curating, bank):
    app = ready(curating(bank), drawing("slanted", 902))
    app.text_input(key="id 0").set_value("along-1").run()
    press(app, "Check against the bank")
    assert "in the bank already" in app.error[0].value.replace("\\", "")
    assert not any(one.label.startswith("Add to the bank") for one in app.button)
    assert bank.version == 12


def test_a_picture_that_is_held_already_has_to_be_looked_at(curating, bank):
    held = bank.scans("slanted-2")[0].array
    app = ready(curating(bank), held + 20)
    press(app, "Check against the bank")
    said = [one.value.replace("\\", "") for one in app.warning]
    assert any("same picture" in text and "slanted-2" in text for text in said)
    add = next(one for one in app.button if one.label.startswith("Add to the bank"))
    assert add.disabled
    sure = next(one for one in app.checkbox if "looked at them" in one.label)
    sure.check().run()
    press(app, "Add to the bank")
    assert bank.version == 13


def test_a_change_after_the_check_asks_for_another(curating, bank):
    app = ready(curating(bank), drawing("slanted", 903))
    press(app, "Check against the bank")
    app.text_input(key="why 0").set_value("another reason").run()
    assert not any(one.label.startswith("Add to the bank") for one in app.button)
    press(app, "Check against the bank")
    bank.add(scan_2d("along", 990), case_id="meanwhile", condition="along")
    app.run()
    assert not any(one.label.startswith("Add to the bank") for one in app.button)


def test_nothing_can_be_checked_before_all_is_said(curating, bank):
    app = upload(curating(bank), drawing("along", 904))
    button = next(one for one in app.button if one.label == "Check against the bank")
    assert button.disabled
    assert "Still to be said: case id, condition, proof" in text_of(app)


def test_any_slice_of_a_volume_can_be_looked_at(curating, bank_3d):
    app = upload(curating(bank_3d), volume("along", 9))
    before = [one.value for one in app.get("html") if "<figure" in one.value]
    app.slider[0].set_value(0).run()
    after = [one.value for one in app.get("html") if "<figure" in one.value]
    assert len(before) == len(after) == 1
    assert before != after


def test_an_identifier_in_a_text_is_refused(bank_2d):
    new = NewCase((scan_2d("along", 5),), "P-4711", "x", patient_id="P-4711")
    with pytest.raises(BankError, match="identifier") as refused:
        check(bank_2d, new)
    assert "4711" not in str(refused.value)


def test_an_empty_bank_takes_its_first_case(curating, tmp_path, any_words):  # noqa: F811
    bank = ReferenceBank.create(tmp_path / "empty", encoder(2))
    app = upload(curating(bank), drawing("along", 1))
    for key, text in FIELDS.items():
        app.text_input(key=key).set_value(text)
    app.selectbox(key="condition 0").set_value("first of its kind")
    app.selectbox(key="proof 0").set_value("genetics")
    app.checkbox(key="looked 0").check()
    app.radio(key="whose 0").set_value("not known: the case stands alone").run()
    press(app, "Check against the bank")
    press(app, "Add to the bank as version 1")
    assert [case.condition for case in bank.cases] == ["first of its kind"]
