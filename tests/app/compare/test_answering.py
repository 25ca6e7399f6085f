from __future__ import annotations

import numpy as np

from medsiam.comparison import compare
from medsiam.encoders import Encoder
from tests.app.conftest import scan_2d


def script():
    import streamlit as st

    from compare.answering import answer
    from compare.settings import Settings
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    state = st.session_state
    k = st.number_input("k", 1, 12, 5)
    metric = st.selectbox("metric", ["cosine", "euclidean"])
    if st.button("other study"):
        del state["scans"]
    scans = state.setdefault("scans", (scan_2d("across", 300, patient_id=None),))
    state["answer"] = answer(scans, the_bank(), Settings(int(k), metric, "nearest"))


def test_a_study_is_encoded_once_whatever_the_settings(start, bank_2d, monkeypatch):
    encoded = []
    embed = Encoder.embed

    def counted(self, scans, **options):
        scans = list(scans)
        encoded.extend(scans)
        return embed(self, scans, **options)

    monkeypatch.setattr(Encoder, "embed", counted)
    app = start(bank_2d, script=script)
    first = app.session_state["answer"]
    assert app.run().session_state["answer"] is first
    app.number_input[0].set_value(3)
    app.selectbox[0].set_value("euclidean").run()
    assert len(encoded) == 1
    expected = compare(scan_2d("across", 300), bank_2d, k=3, metric="euclidean")
    got = app.session_state["answer"]
    assert [m.case_id for m in got.matches] == [m.case_id for m in expected.matches]
    np.testing.assert_allclose(
        [m.distance for m in got.matches], [m.distance for m in expected.matches], rtol=1e-5
    )
    app.button[0].click().run()
    assert len(encoded) == 3  # the other study, and the comparison of this test itself


def test_a_case_added_meanwhile_counts(start, bank_2d, tmp_path):
    import shutil

    from medsiam import ReferenceBank

    copy = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(copy, script=script)
    before = app.session_state["answer"]
    twin = scan_2d("across", 301)
    copy.add(twin, case_id="late", condition="late arrival", patient_id="P9")
    after = app.run().session_state["answer"]
    assert after.bank_version == before.bank_version + 1
    assert "late arrival" in {entry.condition for entry in after.conditions}


def test_a_calibration_made_meanwhile_counts(start, bank_2d, tmp_path):
    import shutil

    from medsiam import ReferenceBank
    from medsiam.comparison import calibrate

    copy = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(copy, script=script)
    assert app.session_state["answer"].calibration is None
    found = calibrate(copy)
    copy.keep_calibration(found.to_json(), bank_version=found.bank_version)
    assert app.run().session_state["answer"].calibration.number == 1
