from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import study.identity as identity
from medsiam import Scan
from study.opened import OpenedStudy


@pytest.fixture(autouse=True)
def no_log():
    identity.log_reveals_with(None)  # a test of the whole app may have left its own
    yield
    identity.log_reveals_with(None)


def script():
    import streamlit as st

    from medsiam.errors import MedsiamError
    from study.identity import reveal

    try:
        st.session_state["seen"] = reveal(st.session_state["study"])
    except MedsiamError as error:
        st.text(str(error))


def app() -> AppTest:
    scans = [
        Scan(np.zeros((4, 4), np.float32), 2, patient_id=name) for name in ("DOE", "DOE", None)
    ]
    made = AppTest.from_function(script)
    made.session_state["study"] = OpenedStudy("id", tuple(scans), "MR", (), ("DOE.dcm",), 0.0)
    return made


def test_without_a_record_nothing_is_revealed():
    assert not identity.can_reveal()
    run = app().run()
    assert "nothing would keep a record" in run.text[0].value
    assert "seen" not in run.session_state


def test_it_is_written_down_before_it_is_seen_and_once_for_each_visit():
    written: list[str] = []
    identity.log_reveals_with(written.append)
    run = app().run()
    run.run()
    seen = run.session_state["seen"]
    assert (seen.patient_ids, seen.names) == (("DOE",), ("DOE.dcm",))
    content = Scan(np.zeros((4, 4), np.float32), 2).content_hash
    assert written == [f"{content} {content} {content}"]
    app().run()
    assert written == [f"{content} {content} {content}"] * 2
    assert "DOE" not in repr(seen)


def test_a_record_that_cannot_be_written_reveals_nothing():
    from medsiam.errors import OutputError

    def full(what: str) -> None:
        raise OutputError("the disk is full")

    identity.log_reveals_with(full)
    run = app().run()
    assert run.text[0].value == "the disk is full"
    assert "seen" not in run.session_state
