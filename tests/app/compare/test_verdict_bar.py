from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from medsiam import ReferenceBank
from medsiam.comparison import compare, study_of, verdict_on
from tests.app.conftest import scan_2d, text_of


@pytest.fixture
def bank(bank_2d, tmp_path) -> ReferenceBank:
    return ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "bank"))


def script():
    """A page with the bar: which study, match and reader, and what was pressed, are chosen."""
    import streamlit as st

    from compare.verdict_bar import verdict_bar
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    bank = the_bank()
    seed = st.number_input("seed", value=300, key="seed")
    place = st.number_input("match", value=0, key="match")
    comparison = compare(scan_2d("across", int(seed)), bank, k=4)
    verdict_bar(
        comparison,
        comparison.matches[int(place)],
        bank,
        reader=st.text_input("reader", "ada", key="reader"),
        guess=st.text_input("guess", key="guess") or None,
        key="bar",
        pressed=st.session_state.pop("pressed", None),
    )


def control(app):
    return app.segmented_control[0]


def button(app, start: str):
    return next(one for one in app.button if one.label.replace("\\", "").startswith(start))


def comment(app):
    return next(one for one in app.text_input if one.label.startswith("Comment"))


def say(app, answer: str, words: str = ""):
    control(app).set_value(answer)
    comment(app).set_value(words)
    app.run()
    return button(app, "Save").click().run()


def test_one_click_and_one_more_keep_what_was_shown(start, bank):
    app = start(bank, script=script)
    assert not app.exception
    assert "Nobody has said anything" in text_of(app)
    assert button(app, "Save").disabled
    say(app, "plausible", "like *this* one")
    comparison = compare(scan_2d("across", 300), bank, k=4)
    (kept,) = bank.reviews.all()
    match = comparison.matches[0]
    assert (kept.reader, kept.answer, kept.comment) == ("ada", "plausible", "like *this* one")
    assert (kept.case_id, kept.condition, kept.rank) == (match.case_id, match.condition, 1)
    assert kept.distance == pytest.approx(match.distance, rel=1e-5)
    assert kept.study == study_of(comparison)
    assert kept.guess is None
    assert [toast.value for toast in app.toast] == [
        f"Saved as review 1: plausible, on case {match.case_id}\\.".replace("-", "\\-").replace(
            ":", "\\:"
        )
    ]
    assert button(app, "Save").disabled, "nothing is chosen any more"
    assert comment(app).value == ""
    assert "like \\*this\\* one" in text_of(app)
    app.run()
    assert not app.toast, "said once"


def test_the_guess_that_was_made_blind_is_kept(start, bank):
    app = start(bank, script=script)
    app.text_input(key="guess").set_value("cyst").run()
    say(app, "not similar")
    assert bank.reviews.all()[0].guess == "cyst"


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("1", "same condition"),
        ("2", "plausible"),
        ("3", "not similar"),
        ("4", "none of these"),
        ("5", None),
    ],
)
def test_a_key_chooses_and_the_click_saves(start, bank, key, answer):
    app = start(bank, script=script)
    app.session_state["pressed"] = key
    app.run()
    assert control(app).value == answer
    assert bank.reviews.all() == (), "a key alone keeps nothing"
    if answer:
        button(app, "Save").click().run()
        assert [review.answer for review in bank.reviews.all()] == [answer]


def test_none_of_these_is_about_the_study(start, bank):
    app = say(start(bank, script=script), "none of these")
    (kept,) = bank.reviews.all()
    assert (kept.case_id, kept.rank, kept.distance) == (None, None, None)
    assert "on this study" in app.toast[0].value


@pytest.mark.parametrize(("field", "value"), [("match", 1), ("seed", 301)])
def test_a_choice_never_goes_over_to_another_match_or_study(start, bank, field, value):
    app = start(bank, script=script)
    control(app).set_value("same condition")
    comment(app).set_value("of the first")
    app.run()
    app.number_input(key=field).set_value(value).run()
    assert control(app).value is None
    assert comment(app).value == ""
    assert button(app, "Save").disabled


def test_undo_is_kept_as_a_withdrawal(start, bank):
    app = say(start(bank, script=script), "plausible")
    button(app, "Undo 1: plausible").click().run()
    assert [review.kind for review in bank.reviews.all()] == ["verdict", "withdrawn"]
    assert "plausible, withdrawn" in text_of(app)
    assert "withdrew 1" in text_of(app)
    assert not any("Undo" in one.label for one in app.button)


def test_another_reader_s_verdict_is_shown_and_cannot_be_undone(start, bank):
    say(start(bank, script=script), "plausible")
    app = start(bank, script=script)
    app.text_input(key="reader").set_value("bob").run()
    assert "ada" in text_of(app)
    assert not any("Undo" in one.label for one in app.button)


def test_a_verdict_on_another_study_is_not_shown(start, bank):
    other = compare(scan_2d("across", 999), bank, k=4)
    bank.reviews.append(verdict_on(other, other.matches[0], "plausible", reader="eve"))
    assert "Nobody has said anything" in text_of(start(bank, script=script))


def test_what_cannot_be_kept_is_said_and_stays_typed(start, bank, monkeypatch):
    app = start(bank, script=script)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    say(app, "plausible", "keep me")
    assert [error.value for error in app.error]
    assert "Not saved" in app.error[0].value
    assert "cannot be written" in app.error[0].value
    assert not app.toast
    assert (control(app).value, comment(app).value) == ("plausible", "keep me")
    assert bank.reviews.all() == ()


def test_a_reader_without_a_name_is_told_so(start, bank):
    app = start(bank, script=script)
    app.text_input(key="reader").set_value(" ").run()
    say(app, "plausible")
    assert "needs the reader's name" in app.error[0].value
    assert bank.reviews.all() == ()


def test_damaged_reviews_are_a_sentence_and_nothing_is_added(start, bank):
    app = say(start(bank, script=script), "plausible")
    with closing(sqlite3.connect(bank.path / "bank.sqlite")) as connection:
        connection.execute("DROP TRIGGER reviews_refuse_delete")
        connection.execute("DELETE FROM reviews")
        connection.commit()
    say(app, "plausible")
    assert any("nothing is added" in error.value for error in app.error)
    assert not app.exception


def test_the_list_is_text(start, bank):
    evil = "![](http://x) <script>"
    app = start(bank, script=script)
    app.text_input(key="reader").set_value(evil).run()
    app = say(app, "plausible", evil)
    said = [one.value for one in app.markdown if "plausible" in one.value]
    assert said
    assert not any("![](" in text or "<script>" in text for text in said)
