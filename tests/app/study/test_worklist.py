from __future__ import annotations

import io
import shutil

import pytest
from PIL import Image

import study.identity as identity
from medsiam import ReferenceBank
from tests.app.conftest import drawing, text_of


@pytest.fixture(autouse=True)
def no_log():
    yield
    identity.log_reveals_with(None)


def png_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(drawing("slanted", 400).T.astype("uint8")).save(buffer, format="PNG")
    return buffer.getvalue()


def script():

    import numpy as np
    import streamlit as st

    from medsiam import Scan
    from medsiam.bank import NewReview
    from shell.open_bank import the_bank
    from shell.pages import remember_pages
    from shell.reader import the_reader
    from study.opened import keep, note_outcome, opened
    from study.worklist import show_worklist

    def compare():
        st.text("compared")

    def start():
        if st.session_state.pop("open", False):
            scan = Scan(np.zeros((4, 4), np.float32), 2, patient_id="PLANTED-ID")
            st.session_state["id"] = keep([scan], "MR 2D, 4 x 4", (), ["PLANTED.dcm"])
        if st.session_state.get("outcome"):
            note_outcome(st.session_state["id"], "sarcoma")
        if st.session_state.get("verdict"):
            bank, case = the_bank(), the_bank().cases[0]
            said = {
                "study": opened(st.session_state["id"]).content,
                "bank_version": bank.version,
                "encoder_fingerprint": bank.encoder_card.fingerprint,
                "answer": "plausible",
                "case_id": case.case_id,
                "condition": case.condition,
                "distance": 0.5,
                "rank": 1,
            }
            bank.reviews.append(NewReview(reader=the_reader() or "me", **said))
            bank.reviews.append(NewReview(reader="another", **{**said, "answer": "not similar"}))
        show_worklist()

    pages = {"compare": st.Page(compare, url_path="compare"), "start": st.Page(start, default=True)}
    page = st.navigation(list(pages.values()))
    remember_pages(pages)
    page.run()


def run(app, **state):
    for name, value in state.items():
        app.session_state[name] = value
    return app.run()


def test_a_study_has_its_line_and_its_state(start, bank_2d, tmp_path):
    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(bank, script=script)
    assert not app.toggle
    app = run(app, open=True)
    link = app.get("page_link")[0].proto
    assert link.label == "MR 2D, 4 x 4"
    assert app.session_state["id"] in link.query_string
    assert "not compared yet" in text_of(app)
    assert "sarcoma" in text_of(run(app, outcome=True))
    assert "plausible" in text_of(run(app, verdict=True))
    assert "not similar" not in text_of(app)  # that was somebody else
    assert "decided" in text_of(app)


def test_identity_is_hidden_until_it_is_asked_for_and_written_down(start, bank_2d):
    identity.log_reveals_with(None)
    app = run(start(bank_2d, script=script), open=True)
    assert app.toggle[0].disabled
    written: list[str] = []
    identity.log_reveals_with(written.append)
    app.run()
    assert "PLANTED" not in text_of(app)
    app.toggle[0].set_value(True).run()
    assert r"PLANTED\-ID" in text_of(app)
    assert r"PLANTED\.dcm" in text_of(app)
    assert len(written) == 1
    assert len(written[0]) == 64  # the content hash of its one scan


def test_a_closed_study_is_gone(start, bank_2d):
    app = run(start(bank_2d, script=script), open=True)
    app.button[0].click().run()
    assert not app.get("page_link")
