from __future__ import annotations

import re
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medsiam import Scan
from medsiam.comparison import compare, study_of
from study.checks import Check
from study.opened import OpenedStudy, Registry
from tests.app.conftest import scan_2d


def study(study_id: str, n: int = 10, opened: float = 0.0) -> OpenedStudy:
    scan = Scan(np.zeros((n, 1), np.float32), 2)
    return OpenedStudy(study_id, (scan,), f"label {study_id}", (), ("DOE.dcm",), opened)


def test_a_study_is_its_owners_alone():
    registry = Registry()
    registry.add("one", study("a"))
    assert registry.get("one", "a").label == "label a"
    assert registry.get("other", "a") is None
    assert registry.of("other") == ()
    registry.close("other", "a")
    assert registry.get("one", "a") is not None
    registry.close("one", "a")
    assert registry.get("one", "a") is None


def test_the_study_used_longest_ago_makes_room():
    registry = Registry(per_visitor=2)
    for name in "ab":
        registry.add("one", study(name))
    registry.get("one", "a")
    registry.add("one", study("c"))
    assert {one.study_id for one in registry.of("one")} == {"a", "c"}


def test_memory_is_bounded_and_the_newest_stays_whatever_its_size():
    registry = Registry(bytes_per_visitor=100)
    registry.add("one", study("a", 10))
    registry.add("one", study("b", 10))
    registry.add("two", study("c", 25))
    assert [one.study_id for one in registry.of("two")] == ["c"]
    registry.add("one", study("d", 20))
    assert [one.study_id for one in registry.of("one")] == ["d"]
    registry.add("one", study("e", 1000))
    assert [one.study_id for one in registry.of("one")] == ["e"]


def test_all_visitors_together_are_bounded_too():
    registry = Registry(bytes_of_all=100)
    registry.add("one", study("a", 10))
    registry.add("two", study("b", 10))
    registry.get("one", "a")
    registry.add("three", study("c", 10))  # 120 bytes
    assert registry.get("two", "b") is None  # used longest ago
    assert registry.get("one", "a") is not None
    registry.add("four", study("d", 1000))
    assert registry.get("four", "d") is not None


def test_what_nobody_uses_is_forgotten():
    registry = Registry(seconds=0.05)
    registry.add("one", study("a"))
    time.sleep(0.1)
    registry.add("two", study("b"))
    assert registry.get("one", "a") is None


def test_the_worklist_begins_with_the_last_and_noting_is_no_use():
    registry = Registry(per_visitor=2)
    registry.add("one", study("a", opened=1.0))
    registry.add("one", study("b", opened=2.0))
    registry.replace("one", study("a", opened=1.0))
    assert [one.study_id for one in registry.of("one")] == ["b", "a"]
    registry.add("one", study("c", opened=3.0))
    assert registry.get("one", "a") is None


def test_nobodys_name_is_printed():
    assert "DOE" not in repr(study("a"))


def script():
    import numpy as np
    import streamlit as st

    from medsiam import Scan
    from study.checks import Check
    from study.opened import (
        StudyNotOpenError,
        all_opened,
        close,
        keep,
        note_outcome,
        opened,
    )

    asked = st.session_state.get("ask")
    try:
        if st.session_state.get("keep"):
            checks = [Check("scope", "warning", "odd"), Check("scope", "note", "fine")]
            scans = [Scan(np.zeros((4, 4), np.float32), 2)]
            st.session_state["id"] = keep(scans, "MR", checks, ["DOE.dcm"])
        if asked is not None:
            st.session_state["got"] = opened(asked or None)
        if st.session_state.get("note"):
            note_outcome(asked, "sarcoma")
            st.session_state["got"] = opened(asked)
            close(asked)
        st.session_state["all"] = all_opened()
    except StudyNotOpenError as error:
        st.text(str(error))


def run(app: AppTest, **state: object) -> AppTest:
    for name in ("keep", "ask", "note"):
        app.session_state[name] = state.get(name)
    return app.run()


def test_a_visit_finds_its_own_study_and_another_does_not():
    mine = run(AppTest.from_function(script), keep=True)
    study_id = mine.session_state["id"]
    assert re.fullmatch(r"[0-9a-f]{32}", study_id)  # 128 bit, and a viewer may be named by it
    got = run(mine, ask=study_id).session_state["got"]
    assert (got.label, got.warnings) == ("MR", ("odd",))
    theirs = run(AppTest.from_function(script), ask=study_id)
    assert "another visit or was closed" in theirs.text[0].value.replace(", or its study", " or")
    assert "got" not in theirs.session_state


def test_the_outcome_is_noted_and_a_closed_study_is_gone():
    app = run(AppTest.from_function(script), keep=True)
    study_id = app.session_state["id"]
    got = run(app, ask=study_id, note=True).session_state["got"]
    assert got.outcome == "sarcoma"
    assert app.session_state["all"] == ()
    assert "closed" in run(app, ask=study_id).text[0].value


@pytest.mark.parametrize("asked", ["", "x", "../" * 20])
def test_an_id_that_was_guessed_is_a_sentence(asked):
    assert run(AppTest.from_function(script), ask=asked).text[0].value


def test_who_has_logged_in_finds_his_study_in_another_browser(monkeypatch):
    monkeypatch.setattr("study.opened.reader_name", lambda: "a@example.org")
    study_id = run(AppTest.from_function(script), keep=True).session_state["id"]
    elsewhere = run(AppTest.from_function(script), ask=study_id)
    assert elsewhere.session_state["got"].study_id == study_id
    monkeypatch.setattr("study.opened.reader_name", lambda: "b@example.org")
    assert run(AppTest.from_function(script), ask=study_id).text


def test_a_check_is_a_plain_record():
    assert Check("scope", "note", "x").to_do == ""


def test_a_study_is_called_what_its_reviews_call_it(bank_2d):
    scan = scan_2d("across", 300)
    opened = OpenedStudy("a", (scan,), "label", (), (), 0.0)
    assert opened.content == study_of(compare(scan, bank_2d))
