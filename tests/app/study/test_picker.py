from __future__ import annotations

import numpy as np

from tests.app.conftest import dicom_series, drawing, text_of, zipped


def script():
    import streamlit as st

    from shell.open_bank import the_bank
    from study.picker import pick_scan, show_left_out

    bank = the_bank()
    st.session_state["picked"] = [pick_scan(bank, phase) for phase in bank.phases]
    show_left_out(bank)


def picked(app):
    return app.session_state["picked"]


def test_a_study_of_the_folder_is_read_once(start, bank_2d, studies):
    app = start(bank_2d, studies, script)
    assert picked(app) == [None]
    app.selectbox[0].set_value("monday/first.png").run()
    (scan,) = picked(app)
    np.testing.assert_array_equal(scan.array, drawing("across", 77).astype(np.uint8))
    assert picked(app.run())[0] is scan


def test_what_cannot_be_compared_is_listed_with_its_reason(start, bank_2d, studies):
    app = start(bank_2d, studies, script)
    assert app.selectbox[0].options == ["monday/first.png  ·  image 2D"]
    rows = app.dataframe[0].value.set_index("what")["why not"]
    assert sorted(rows.index) == ["letter.txt", "link.png", "monday/volume.nii.gz"]
    assert "outside" in rows["link.png"]


def test_a_new_file_appears_when_the_folder_is_looked_through_again(start, bank_2d, tmp_path):
    from tests.app.conftest import png

    folder = tmp_path / "studies"
    folder.mkdir()
    app = start(bank_2d, folder, script)
    assert app.selectbox[0].options == []
    png(folder / "new.png", "along", 4)
    app.button[0].click().run()
    assert app.selectbox[0].options == ["new.png  ·  image 2D"]


def test_without_a_studies_folder_there_is_only_the_upload(start, bank_2d):
    app = start(bank_2d, script=script)
    assert app.get("button_group")[0].options == ["Upload"]
    assert not app.selectbox
    assert not app.dataframe


def test_a_folder_that_is_gone_is_one_sentence(start, bank_2d, tmp_path):
    app = start(bank_2d, tmp_path / "gone", script)
    assert not app.exception
    assert "no such" in app.error[0].value


def test_an_upload_of_several_series_leaves_the_choice(start, bank_3d, tmp_path):
    files = dicom_series(tmp_path / "a", "along", 1) + dicom_series(tmp_path / "b", "across", 2)
    packed = {f"{p.parent.name}/{p.name}": p.read_bytes() for p in files} | {"x.txt": b"text"}
    app = start(bank_3d, script=script)
    app.file_uploader[0].upload("study.zip", zipped(packed)).run()
    assert picked(app) == [None]
    assert app.expander[0].label == "1 file of this upload cannot be compared"
    app.selectbox[0].set_value("00001/00001/00001").run()
    assert picked(app)[0].spatial_dims == 3
    assert "PLANTED" not in text_of(app) + str(app.selectbox[0].options)


def test_a_wrong_file_is_one_sentence_and_the_page_goes_on(start, bank_2d, tmp_path):
    app = start(bank_2d, script=script)
    app.file_uploader[0].upload("scan.dcm", b"just text").run()
    assert not app.exception
    assert "upload" in app.error[0].value
    app.file_uploader[0].set_value(None).run()
    assert not app.error


def test_each_phase_has_its_own_chooser(start, bank_of_two_phases, studies):
    app = start(bank_of_two_phases, studies, script)
    assert [group.proto.label for group in app.get("button_group")] == [
        "Study, phase early",
        "Study, phase late",
    ]
    app.selectbox[1].set_value("monday/first.png").run()
    assert picked(app)[0] is None
    assert picked(app)[1] is not None
