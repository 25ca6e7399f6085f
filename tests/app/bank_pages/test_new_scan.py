from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.app.conftest import PATIENT_NAME, dicom_series, drawing, text_of, zipped


def script():
    import streamlit as st

    from bank_pages.new_scan import choose_scan
    from shell.open_bank import the_bank

    scan = choose_scan(the_bank(), "", turn=0)
    st.session_state["found"] = scan
    st.write("nothing yet" if scan is None else f"a scan of {scan.spatial_shape}")


def png_bytes(condition, seed):
    buffer = io.BytesIO()
    Image.fromarray(drawing(condition, seed).T.astype(np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def test_an_uploaded_image_is_read_value_by_value(start, bank_2d):
    app = start(bank_2d, script=script)
    assert app.markdown[0].value == "nothing yet"
    app.file_uploader[0].upload("x.png", png_bytes("along", 5), "image/png").run()
    assert not app.exception
    expected = drawing("along", 5).astype(np.uint8)
    np.testing.assert_array_equal(app.session_state["found"].array, expected)


def test_it_is_read_once(start, bank_2d):
    app = start(bank_2d, script=script)
    app.file_uploader[0].upload("x.png", png_bytes("along", 5), "image/png").run()
    first = app.session_state["found"]
    assert app.run().session_state["found"] is first


def test_a_series_in_a_zip_is_found_and_its_patient_not_shown(start, bank_3d, tmp_path):
    files = dicom_series(tmp_path / "s", "along", 9)
    app = start(bank_3d, script=script)
    app.file_uploader[0].upload("s.zip", zipped({p.name: p.read_bytes() for p in files})).run()
    assert app.session_state["found"].spatial_shape == (16, 16, 6)
    assert PATIENT_NAME not in text_of(app)


def test_one_of_several_series_is_chosen(start, bank_3d, tmp_path):
    files = [*dicom_series(tmp_path / "a", "along", 9), *dicom_series(tmp_path / "b", "across", 8)]
    content = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in files}
    app = start(bank_3d, script=script)
    app.file_uploader[0].upload("s.zip", zipped(content)).run()
    assert app.session_state["found"] is None
    assert "2 series" in app.selectbox[0].label
    app.selectbox[0].select_index(1).run()
    assert app.session_state["found"] is not None


def test_a_study_of_the_allowed_folder_is_read(start, bank_2d, studies):
    app = start(bank_2d, studies, script=script)
    app.session_state["way new scan  0"] = "Studies folder"
    app.run()
    app.selectbox[0].set_value("monday/first.png").run()
    assert not app.exception
    assert app.session_state["found"].spatial_shape == (32, 32)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 not really"])
def test_bad_uploads_are_one_sentence(start, bank_2d, content):
    app = start(bank_2d, script=script)
    app.file_uploader[0].upload("bad.dcm", content).run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.session_state["found"] is None
