from __future__ import annotations

import io

import numpy as np
import pytest

import shell.upload_ceiling as ceiling
from medsiam.errors import ScanError
from study.intake import look_at_series, look_below, look_into_uploads, read_of_uploads
from tests.app.conftest import PATIENT_ID, PATIENT_NAME, dicom_series, png, volume, zipped


def uploads(*paths):
    return [(path.name, io.BytesIO(path.read_bytes())) for path in paths]


def nothing(step):
    pass


def test_one_series_is_read_at_once_and_steps_are_told(bank_3d, tmp_path):
    steps = []
    sent = uploads(*reversed(dicom_series(tmp_path / "s", "slanted", 5)))
    found = look_into_uploads(sent, bank_3d, steps.append)
    assert steps == ["unpack", "group", "pixels"]
    np.testing.assert_array_equal(found.scan.array, volume("slanted", 5).astype(np.uint16))
    assert [check.level for check in found.checks] == ["fine", "fine"]
    assert found.checks[0].sentence == "6 files, all of them read."


def test_two_studies_in_one_zip_leave_the_choice_and_are_said(bank_3d, tmp_path):
    files = dicom_series(tmp_path / "a", "along", 1) + dicom_series(tmp_path / "b", "across", 2)
    packed = {f"../{path.parent.name}/{path.name}": path.read_bytes() for path in files}
    sent = [("study.zip", io.BytesIO(zipped({**packed, "letter.txt": b"Dear colleague"})))]
    found = look_into_uploads(sent, bank_3d, nothing)
    assert found.scan is None
    assert len(found.previews) == len(found.study.series) == 2
    said = {check.sentence: check.level for check in found.checks}
    assert said["There are 2 studies of one patient in here."] == "warning"
    assert any("13 files; left out: 1 file: This is no picture" in text for text in said)
    arrays = [read_of_uploads(sent, one.key, bank_3d).array for one in found.study.series]
    np.testing.assert_array_equal(arrays[0], volume("along", 1).astype(np.uint16))
    np.testing.assert_array_equal(arrays[1], volume("across", 2).astype(np.uint16))


def test_studies_of_two_patients_are_said_louder(bank_3d, tmp_path):
    import pydicom

    dicom_series(tmp_path / "a", "along", 1)
    for path in dicom_series(tmp_path / "b", "across", 2):
        data = pydicom.dcmread(path)
        data.PatientID = "SOMEBODY ELSE"
        data.save_as(path)
    found = look_below(tmp_path, bank_3d, nothing)
    said = [check.sentence for check in found.checks if check.level == "warning"]
    assert said == ["There are studies of 2 different patients in here."]
    assert PATIENT_ID not in repr(found)
    assert "SOMEBODY" not in repr(found)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"this is text", "unknown_format"),
        (b"", "empty_file"),
        (b"PK\x03\x04 not really", "damaged_archive"),
        (bytes(200), "unknown_format"),
    ],
)
def test_a_single_wrong_file_has_its_own_code_and_no_path(bank_2d, content, code):
    with pytest.raises(ScanError) as refused:
        look_into_uploads([("DOE.dcm", io.BytesIO(content))], bank_2d, nothing)
    assert refused.value.code == code
    assert "DOE" not in str(refused.value)


def test_a_bomb_is_refused(bank_2d):
    bomb = zipped({f"{i}.dcm": bytes(60_000_000) for i in range(3)})
    assert len(bomb) < 1_000_000
    with pytest.raises(ScanError) as refused:
        look_into_uploads([("a.zip", io.BytesIO(bomb))], bank_2d, nothing)
    assert refused.value.code == "expands_too_much"


def test_a_scan_of_the_other_form_is_refused_with_the_reason(bank_3d, tmp_path):
    sent = uploads(png(tmp_path / "flat.png", "along", 3))
    with pytest.raises(ScanError, match="2D scan; this bank compares 3D") as refused:
        look_into_uploads(sent, bank_3d, nothing)
    assert refused.value.code == "other_dimension"


def test_different_reasons_are_counted(bank_3d, tmp_path):
    sent = [*uploads(png(tmp_path / "flat.png", "along", 3)), ("x.txt", io.BytesIO(b"text"))]
    with pytest.raises(ScanError) as refused:
        look_into_uploads(sent, bank_3d, nothing)
    assert refused.value.code == "nothing_to_compare"
    assert "1 file: This is no picture" in str(refused.value)


def test_too_much_is_refused_before_it_is_unpacked(bank_2d, monkeypatch):
    sent = [(f"{i}", io.BytesIO(b"")) for i in range(901)]
    with pytest.raises(ScanError, match="901 files; at most 900") as refused:
        look_into_uploads(sent, bank_2d, nothing)
    assert refused.value.code == "too_many_files"
    monkeypatch.setattr(ceiling.st, "get_option", lambda name: 1)
    with pytest.raises(ScanError, match="at most 1 MB") as refused:
        look_into_uploads([("a", io.BytesIO(bytes(2_000_000)))], bank_2d, nothing)
    assert refused.value.code == "too_many_bytes"


def test_a_picked_series_is_read(bank_3d, tmp_path):
    from medsiam.scans import index_folder
    from study.series import study_below

    dicom_series(tmp_path / "s", "along", 3)
    (one,) = study_below(index_folder(tmp_path), bank_3d).series
    found = look_at_series(one, tmp_path, nothing)
    np.testing.assert_array_equal(found.scan.array, volume("along", 3).astype(np.uint16))
    assert PATIENT_NAME not in repr(found)


def test_a_series_that_is_gone_is_a_fault(bank_2d, tmp_path):
    sent = uploads(png(tmp_path / "flat.png", "along", 3))
    with pytest.raises(ScanError) as refused:
        read_of_uploads(sent, "00009.png", bank_2d)
    assert refused.value.code == "missing_file"
