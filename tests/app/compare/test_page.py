from __future__ import annotations

import shutil
from html import unescape

import pytest

from medsiam import ReferenceBank
from medsiam.comparison import compare
from tests.app.conftest import PATIENT_ID, encoder, scan_2d, scan_3d, text_of

RESEARCH_USE = "Research use only. Not a medical device. Not for diagnosis."


def script():
    import os

    import streamlit as st

    from compare.page import compare_page
    from study.opened import keep
    from tests.app.conftest import scan_2d, scan_3d

    if "study" not in st.query_params:
        make = scan_3d if os.environ.get("TEST_DIMS") == "3" else scan_2d
        phases = int(os.environ.get("TEST_PHASES", "1"))
        scans = [make("slanted", 400 + n, patient_id="PLANTED-4711") for n in range(phases)]
        st.query_params["study"] = keep(scans, "CR, 32 x 32", ())
    compare_page()


def cards(app):
    return [button for button in app.button if " match by " in f" {button.key}"]


def titles(app):
    return [card.label.split(": ", 1)[-1].replace("\\", "") for card in cards(app)]


def downloads(app):
    return [button.label for button in app.get("download_button")]


def test_the_page_shows_the_librarys_answer(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert not app.error
    expected = compare(scan_2d("slanted", 400, patient_id=PATIENT_ID), bank_2d)
    said = unescape(text_of(app))
    assert expected.verdict.text in said
    assert titles(app) == [f"{match.rank}. {match.condition}" for match in expected.matches]
    assert [tab.label for tab in app.tabs] == ["Why similar", "Distance", "Details", "Trust"]
    assert downloads(app) == [
        "Report (HTML)",
        "Report (PDF)",
        "Matches (CSV)",
        "Everything (JSON)",
    ]
    hash_of_patient = bank_2d.hash_patient(PATIENT_ID)
    assert hash_of_patient[:12] in said
    for secret in (PATIENT_ID, "SECRET"):
        assert secret not in said + str(app)


def test_another_match_is_shown_beside_the_query(start, bank_2d):
    app = start(bank_2d, script=script)
    expected = compare(scan_2d("slanted", 400), bank_2d).matches[3]
    cards(app)[3].click().run()
    assert not app.exception
    assert f"<dd>{expected.case_id}</dd>" in text_of(app)
    assert cards(app)[3].label.startswith(":material/visibility:")


def test_settings_change_the_answer(start, bank_2d):
    app = start(bank_2d, script=script)
    assert len(cards(app)) == 5
    app.number_input[0].set_value(2)
    app.selectbox(key="metric").set_value("euclidean").run()
    assert not app.exception
    assert len(cards(app)) == 2
    assert "<dd>euclidean</dd>" in text_of(app)


def test_blinded_nothing_tells_the_diagnosis_until_a_guess(start, bank_2d):
    app = start(bank_2d, script=script)
    app.toggle[0].set_value(True).run()
    assert not app.exception
    said = text_of(app) + str(app.main) + " ".join(titles(app))
    conditions = set(bank_2d.conditions)
    guess = next(box for box in app.selectbox if box.label == "Your guess")
    for case in bank_2d.cases:
        assert case.case_id not in said
    assert titles(app) == [f"Match {n}" for n in range(1, 6)]
    assert not app.tabs
    assert not downloads(app)
    guess.set_value(sorted(conditions)[0])
    next(b for b in app.button if b.label.startswith("Commit")).click().run()
    assert next(tab.label for tab in app.tabs) == "Why similar"
    assert "Your guess before the diagnoses were shown" in text_of(app)


def test_a_verdict_is_kept_with_what_was_shown(start, bank_2d, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(bank, script=script)
    before = (
        bank.version,
        [match.case_id for match in compare(scan_2d("slanted", 400), bank).matches],
    )
    cards(app)[1].click().run()
    verdict = next(c for c in app.segmented_control if "Your verdict" in c.label)
    verdict.set_value("plausible").run()
    next(b for b in app.button if b.label == "Save").click().run()
    assert not app.exception
    (kept,) = bank.reviews.all()
    match = compare(scan_2d("slanted", 400), bank).matches[1]
    assert (kept.answer, kept.case_id, kept.rank) == ("plausible", match.case_id, 2)
    assert kept.distance == pytest.approx(match.distance, rel=1e-5)
    after = (
        bank.version,
        [match.case_id for match in compare(scan_2d("slanted", 400), bank).matches],
    )
    assert before == after


def test_a_bank_of_two_phases_and_a_bank_of_volumes(
    start, bank_of_two_phases, bank_3d, monkeypatch
):
    monkeypatch.setenv("TEST_PHASES", "2")
    app = start(bank_of_two_phases, script=script)
    assert not app.exception
    assert len(cards(app)) == 5
    monkeypatch.setenv("TEST_PHASES", "1")
    monkeypatch.setenv("TEST_DIMS", "3")
    app = start(bank_3d, script=script)
    assert not app.exception
    expected = compare(scan_3d("slanted", 400), bank_3d)
    assert titles(app)[0] == f"1. {expected.matches[0].condition}"


def test_a_scan_that_does_not_fit_is_a_sentence(start, bank_3d):
    app = start(bank_3d, script=script)
    assert not app.exception
    assert "takes 3D scans" in app.error[0].value.replace("\\", "")
    assert not cards(app)


def test_an_empty_bank_says_what_to_do(start, tmp_path):
    app = start(ReferenceBank.create(tmp_path / "empty", encoder(2)), script=script)
    assert not app.exception
    assert "medsiam bank add" in text_of(app)


def test_a_missing_kept_scan_is_a_sentence_and_the_ranking_stays(start, bank_2d, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    for kept in (bank.path / "scans").iterdir():  # lost while the page is open
        kept.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shell.open_bank._opened", lambda path: bank)
        app = start(bank, script=script)
    assert not app.exception
    assert "missing" in app.error[0].value
    assert cards(app)
