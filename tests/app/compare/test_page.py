from __future__ import annotations

import io

import numpy as np
from PIL import Image

from medsiam import ReferenceBank
from medsiam.comparison import compare
from tests.app.conftest import (
    PATIENT_ID,
    PATIENT_NAME,
    dicom_series,
    drawing,
    encoder,
    scan_2d,
    text_of,
    zipped,
)

RESEARCH_USE = "Research use only. Not a medical device. Not for diagnosis."


def png_bytes(condition: str, seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(drawing(condition, seed).T.astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def test_an_uploaded_image_gives_the_librarys_answer(start, bank_2d):
    app = start(bank_2d)
    app.file_uploader[0].upload("x.png", png_bytes("slanted", 400), "image/png").run()
    assert not app.exception
    assert not app.error
    query = scan_2d("slanted", 400)
    rounded = query.array.astype(np.uint8).astype(np.float32)
    expected = compare(type(query)(rounded, 2), bank_2d)
    said = text_of(app)
    assert expected.verdict.condition in said
    assert RESEARCH_USE in said
    for match, option in zip(expected.matches, app.radio[0].options, strict=True):
        assert option.replace("\\", "") == f"{match.rank}. {match.condition}"
    assert [button.label for button in app.get("download_button")] == [
        "Report (HTML)",
        "Report (PDF)",
        "Matches (CSV)",
        "Everything (JSON)",
    ]


def test_another_match_is_shown_beside_the_query(start, bank_2d, studies):
    app = start(bank_2d, studies)
    app.selectbox[0].set_value("monday/first.png").run()
    first = [str(one.value) for one in app.markdown]
    app.radio[0].set_value(3).run()
    assert not app.exception
    titles = [str(one.value) for one in app.markdown if "Match:" in str(one.value)]
    assert titles[0] not in first
    assert titles[0].startswith(r"**Match: 4\.")


def test_settings_change_the_answer(start, bank_2d, studies):
    app = start(bank_2d, studies)
    app.selectbox[0].set_value("monday/first.png").run()
    assert len(app.radio[0].options) == 5
    app.number_input[0].set_value(2)
    app.selectbox[0].set_value("euclidean").run()
    assert not app.exception
    assert len(app.radio[0].options) == 2
    assert "<dd>euclidean</dd>" in text_of(app)


def test_no_patient_is_on_the_page(start, bank_3d, tmp_path):
    files = dicom_series(tmp_path / "s", "along", 9)
    app = start(bank_3d)
    app.file_uploader[0].upload("s.zip", zipped({p.name: p.read_bytes() for p in files})).run()
    assert not app.exception
    assert app.radio
    everything = text_of(app) + str(app)
    for secret in (PATIENT_NAME, PATIENT_ID, "SECRET"):
        assert secret not in everything
    assert bank_3d.hash_patient(PATIENT_ID)[:12] in everything


def test_an_empty_bank_says_what_to_do(start, tmp_path):
    app = start(ReferenceBank.create(tmp_path / "empty", encoder(2)))
    assert not app.exception
    assert "medsiam bank add" in text_of(app)


def test_a_missing_kept_scan_is_a_sentence(start, bank_2d, studies, tmp_path):
    import shutil

    bank = ReferenceBank.open(shutil.copytree(bank_2d.path, tmp_path / "copy"))
    app = start(bank, studies)
    for kept in (bank.path / "scans").iterdir():  # lost while the page is open
        kept.unlink()
    app.selectbox[0].set_value("monday/first.png").run()
    assert not app.exception
    assert "missing" in app.error[0].value
    assert app.radio  # the ranking is still there
