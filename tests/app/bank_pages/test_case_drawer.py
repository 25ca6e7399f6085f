from __future__ import annotations

import pytest

from bank_pages.case_drawer import history_html, warnings_of
from medsiam import Match, ReferenceBank
from medsiam.bank import NewCase
from medsiam.comparison import Surroundings, around_case
from tests.app.conftest import encoder, scan_2d, text_of


def script():
    import os

    from bank_pages.case_drawer import show_case
    from shell.open_bank import the_bank

    show_case(the_bank(), os.environ["SHOWN_CASE"])


@pytest.fixture
def shown(start, monkeypatch):
    def run(bank, case_id):
        monkeypatch.setenv("SHOWN_CASE", case_id)
        return start(bank, script=script)

    return run


def test_facts_picture_neighbours_and_history_are_there(shown, bank_2d):
    app = shown(bank_2d, "slanted-1")
    assert not app.exception
    said = text_of(app)
    assert "<dd>slanted-1</dd>" in said
    assert "SECRET" not in said + str(app)
    expected = [match.case_id for match in around_case(bank_2d, "slanted-1", k=5).others]
    assert [button.label.replace("\\", "") for button in app.button] == expected
    assert "added with version" in said
    assert "middle slice" not in said


def test_of_a_volume_the_picture_is_said_to_be_the_middle(shown, bank_3d):
    app = shown(bank_3d, "slanted-1")
    assert not app.exception
    assert "<figcaption>middle slice</figcaption>" in text_of(app)


def test_the_same_patient_and_the_same_picture_are_told(shown, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    for seed, (name, patient) in enumerate((("a", "p1"), ("b", "p1"), ("c", "p2"), ("d", "p3"))):
        bank.add(scan_2d("along", 40 + seed), case_id=name, condition="x", patient_id=patient)
    brighter = scan_2d("along", 42)
    again = type(brighter)(brighter.array + 20, 2, spacing=(0.5, 0.5), modality="CR")
    bank.add(again, case_id="copy", condition="x", patient_id="p9")
    app = shown(bank, "a")
    assert "Cases of the same patient" in text_of(app)
    assert "The same picture" not in text_of(app)
    app = shown(bank, "c")
    assert "Cases of the same patient" not in text_of(app)
    assert any("same picture" in one.value and "copy" in one.value for one in app.warning)


def test_a_neighbour_opens_in_its_place(start, bank_2d):
    def dialog():
        import streamlit as st

        from bank_pages.case_drawer import open_case
        from shell.open_bank import the_bank

        if st.button("open"):
            open_case(the_bank(), "slanted-1")

    app = start(bank_2d, script=dialog)
    app.button[0].click().run()
    assert "<dd>slanted-1</dd>" in text_of(app)
    following = app.button[1]
    following.click().run()
    assert not app.exception
    assert app.session_state["opened case"] == following.label.replace("\\", "")


def test_a_removed_case_keeps_its_history(shown, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    bank.add_many([NewCase((scan_2d("along", 1),), "x", "a")], who="ada", why="<b>first</b>")
    bank.remove_many(["x"], who="bob", why="wrong")
    app = shown(bank, "x")
    assert not app.exception
    assert "removed from the bank" in app.warning[0].value
    html = history_html(bank.stays("x"))
    assert "added with version 1" in html
    assert "by ada: &lt;b&gt;first&lt;/b&gt;" in html
    assert "removed with version 2" in html
    assert "by bob: wrong" in html


def test_a_case_without_proof_and_one_without_pixels(shown, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2), pixels=False)
    bank.add(scan_2d("along", 1), case_id="x", condition="a")
    app = shown(bank, "x")
    assert "Nothing proves" in app.warning[0].value
    assert "keeps no pixels" in text_of(app)
    assert "No case of another patient" in text_of(app)


def test_a_calibration_that_cannot_be_read_is_a_sentence(shown, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    bank.add(scan_2d("along", 1), case_id="x", condition="a")
    bank.keep_calibration("{}", bank_version=1)
    app = shown(bank, "x")
    assert not app.exception
    assert "cannot be read" in app.error[0].value.replace("\\", "")
    assert "added with version" in text_of(app)


def test_what_a_curator_must_look_at():
    match = Match(rank=1, case_id="x", condition="a", patient=None, distance=0.1)
    assert warnings_of(Surroundings("cosine", others=(match,), same_patient=(match,))) == ()
    both = warnings_of(Surroundings("cosine", same_picture=(match,), too_near=(match,)))
    assert "same picture" in both[0]
    assert "another number" in both[1]
