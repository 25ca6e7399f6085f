"""Whom and what a query is about, held against what pydicom reads from the same files."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from medsiam.errors import ScanError, UsageError
from medsiam.phantoms import make_phantom, write_dicom
from medsiam.scans import read_study
from tests.scans.written import SECRET, SECRET_ID, write

PIXELS = np.zeros((4, 4), np.uint16)


def test_all_that_a_result_repeats_is_read_and_the_files_in_their_order(tmp_path):
    folder = write_dicom(
        make_phantom("dumbbell", spatial_dims=3, patient_id="SYN-1", random_state=3), tmp_path
    )
    files = sorted(folder.iterdir(), reverse=True)
    facts = read_study(files)
    expected = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    assert facts.study_uid == expected[0].StudyInstanceUID
    assert [(one.class_uid, one.uid, one.series_uid) for one in facts.instances] == [
        (ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID) for ds in expected
    ]
    texts = dict(facts.texts)
    for keyword in ("PatientName", "PatientID", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        assert texts[keyword] == str(expected[0][keyword].value)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 192", "Müller^Jürgen"),
        ("ISO_IR 100", "Müller^Jürgen"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("ISO_IR 144", "Иванов^Иван"),
    ],
)
def test_names_come_in_their_own_letters(tmp_path, character_set, name):
    extra = {"SpecificCharacterSet": character_set, "PatientName": name}
    facts = read_study([write(tmp_path / "a.dcm", PIXELS, **extra)])
    assert dict(facts.texts)["PatientName"] == name


def test_a_value_that_its_kind_forbids_is_left_out(tmp_path):
    path = write(tmp_path / "a.dcm", PIXELS, StudyTime="120000", PatientSex="F")
    data = path.read_bytes().replace(b"120000", b"noon  ").replace(b"CS\x02\x00F ", b"CS\x02\x00x ")
    path.write_bytes(data)
    texts = dict(read_study([path]).texts)
    assert texts["StudyTime"] == texts["PatientSex"] == ""


def test_identity_is_never_shown(tmp_path):
    shown = repr(read_study([write(tmp_path / "a.dcm", PIXELS)]))
    assert SECRET not in shown
    assert SECRET_ID not in shown


def test_what_is_no_dicom_or_of_two_patients_or_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="read from DICOM files"):
        read_study([])
    text = tmp_path / "a.nii"
    text.write_bytes((348).to_bytes(4, "little") + b"\0" * 340 + b"n+1\0")
    with pytest.raises(UsageError, match=r"a\.nii: no DICOM file"):
        read_study([text])
    with pytest.raises(UsageError, match="unpack it first"):
        read_study([text / "IM0001"])
    files = [write(tmp_path / f"{i}.dcm", PIXELS, PatientID=f"P{i}") for i in range(2)]
    with pytest.raises(UsageError, match="2 patients") as caught:
        read_study(files)
    assert "P0" not in str(caught.value)


def test_a_file_without_its_uids_says_which(tmp_path):
    path = write(tmp_path / "a.dcm", PIXELS, series=None)
    with pytest.raises(ScanError, match="no SeriesInstanceUID"):
        read_study([path])
    path = write(tmp_path / "b.dcm", PIXELS, StudyInstanceUID=generate_uid())
    assert read_study([path]).study_uid != "1.2.826.0.1.3680043.8.498.2"
