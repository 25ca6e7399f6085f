from __future__ import annotations

import io

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans import index_folder
from study.series import read_upload, study_below, study_in
from tests.app.conftest import PATIENT_ID, PATIENT_NAME, dicom_series, drawing, png, volume, zipped


def uploads(*paths):
    return [(path.name, io.BytesIO(path.read_bytes())) for path in paths]


def test_only_scans_of_the_banks_form_below_the_folder_are_offered(bank_2d, studies):
    study = study_below(index_folder(studies), bank_2d)
    assert [one.key for one in study.series] == ["monday/first.png"]
    refused = dict(study.refused)
    assert set(refused) == {"link.png", "letter.txt", "monday/volume.nii.gz"}
    assert "outside" in refused["link.png"]
    assert "3D" in refused["monday/volume.nii.gz"]
    np.testing.assert_array_equal(
        study.series[0].source.read().array, drawing("across", 77).astype(np.uint8)
    )


def test_a_bank_of_several_phases_takes_single_scans_here(bank_of_two_phases, studies):
    study = study_below(index_folder(studies), bank_of_two_phases)
    assert [one.key for one in study.series] == ["monday/first.png"]


def test_the_files_of_a_series_are_one_scan_that_names_no_file(bank_3d, tmp_path):
    files = dicom_series(tmp_path / "s", "slanted", 5)
    sent = uploads(*reversed(files))
    study = study_in(sent, bank_3d)
    assert [one.label for one in study.series] == ["series 1  ·  MR DICOM 3D 6 files"]
    scan = read_upload(sent, study.series[0].key, bank_3d)
    np.testing.assert_array_equal(scan.array, volume("slanted", 5).astype(np.uint16))
    assert scan.patient_id == PATIENT_ID  # in memory, so that his own cases are left out
    assert all(source.parts[0] == "upload" for source in scan.sources)
    assert PATIENT_NAME not in f"{scan.sources}{scan.warnings}{study}"


def test_a_zip_of_two_series_and_a_letter(bank_3d, tmp_path):
    files = dicom_series(tmp_path / "a", "along", 1) + dicom_series(tmp_path / "b", "across", 2)
    packed = {f"../{path.parent.name}/{path.name}": path.read_bytes() for path in files}
    sent = [("study.zip", io.BytesIO(zipped({**packed, "letter.txt": b"Dear colleague"})))]
    study = study_in(sent, bank_3d)
    assert len(study.series) == 2
    assert len({one.key for one in study.series}) == 2
    assert len(study.refused) == 1
    arrays = [read_upload(sent, one.key, bank_3d).array for one in study.series]
    np.testing.assert_array_equal(arrays[0], volume("along", 1).astype(np.uint16))
    np.testing.assert_array_equal(arrays[1], volume("across", 2).astype(np.uint16))


def test_a_single_wrong_file_says_what_the_reader_says(bank_2d):
    with pytest.raises(ScanError) as refused:
        study_in([("scan.dcm", io.BytesIO(b"this is text"))], bank_2d)
    assert refused.value.code != "nothing_to_compare"
    assert "upload/00001.dcm" in str(refused.value)
    assert "/medsiam-upload-" not in str(refused.value)


def test_a_scan_of_the_other_form_is_refused_with_the_reason(bank_3d, tmp_path):
    path = png(tmp_path / "flat.png", "along", 3)
    with pytest.raises(ScanError, match="2D scan; this bank compares 3D") as refused:
        study_in(uploads(path), bank_3d)
    assert refused.value.code == "nothing_to_compare"


def test_another_upload_under_the_same_choice_is_noticed(bank_2d, tmp_path):
    sent = uploads(png(tmp_path / "flat.png", "along", 3))
    with pytest.raises(ScanError, match="has changed"):
        read_upload(sent, "00009.png", bank_2d)
