from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans import index_folder
from study.series import preview, read_series, study_below
from tests.app.conftest import PATIENT_ID, PATIENT_NAME, dicom_series, drawing, png, volume


def test_only_scans_of_the_banks_form_below_the_folder_are_offered(bank_2d, studies):
    study = study_below(index_folder(studies), bank_2d)
    assert [one.key for one in study.series] == ["monday/first.png"]
    assert sorted(code for code, _ in study.refused) == [
        "no_access",  # a link out of the folder
        "other_dimension",
        "unknown_format",
    ]
    np.testing.assert_array_equal(
        study.series[0].source.read().array, drawing("across", 77).astype(np.uint8)
    )


def test_a_bank_of_several_phases_takes_single_scans_here(bank_of_two_phases, studies):
    study = study_below(index_folder(studies), bank_of_two_phases)
    assert [one.key for one in study.series] == ["monday/first.png"]


def test_labels_and_what_is_printed_name_nobody(bank_3d, tmp_path):
    folder = tmp_path / "DOE JOHN"
    dicom_series(folder, "slanted", 5)
    study = study_below(index_folder(folder), bank_3d)
    assert [one.label for one in study.series] == ["1 · MR DICOM 3D 6 files"]
    assert study.suggestion.place == 0
    for name in ("DOE", PATIENT_NAME, PATIENT_ID):
        assert name not in repr(study)


def test_a_series_is_read_without_any_path(bank_3d, tmp_path):
    folder = tmp_path / "DOE JOHN"
    dicom_series(folder, "slanted", 5)
    (one,) = study_below(index_folder(folder), bank_3d).series
    scan = read_series(one.source, folder)
    np.testing.assert_array_equal(scan.array, volume("slanted", 5).astype(np.uint16))
    assert scan.patient_id == PATIENT_ID  # in memory, so that his own cases are left out
    assert "DOE" not in f"{scan.sources}{scan.warnings}"
    assert PATIENT_NAME not in f"{scan.sources}{scan.warnings}"


def test_a_fault_says_what_was_seen_and_no_path(bank_3d, tmp_path):
    folder = tmp_path / "DOE JOHN"
    files = dicom_series(folder, "slanted", 5)
    (one,) = study_below(index_folder(folder), bank_3d).series
    files[2].write_bytes(files[2].read_bytes()[:-40])
    with pytest.raises(ScanError) as refused:
        read_series(one.source, folder)
    assert refused.value.code == "truncated_pixels"
    assert "DOE" not in str(refused.value)
    assert PATIENT_NAME not in str(refused.value)


def test_a_preview_is_the_middle_and_tells_studies_apart(bank_3d, tmp_path):
    dicom_series(tmp_path / "a", "slanted", 5)
    dicom_series(tmp_path / "b", "slanted", 6)
    one, other = (preview(s.source) for s in study_below(index_folder(tmp_path), bank_3d).series)
    assert one.png.startswith(b"\x89PNG")
    assert one.study_uid != other.study_uid
    assert PATIENT_ID not in repr(one)


def test_what_cannot_be_read_has_no_picture(bank_2d, tmp_path):
    path = png(tmp_path / "a.png", "along", 3)
    (one,) = study_below(index_folder(tmp_path), bank_2d).series
    path.write_bytes(path.read_bytes()[:200])
    assert preview(one.source).png is None
