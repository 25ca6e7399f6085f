from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import (
    BasicTextSRStorage,
    MRImageStorage,
    RTDoseStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from medsiam.errors import ScanError
from medsiam.scans.dicom.elements import numbers, text
from medsiam.scans.dicom.header import pixel_spacing, read_dataset, read_header
from tests.scans.written import SECRET, SECRET_ID, SERIES, SHIPPED, dataset, write

PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def code_of(path):
    with pytest.raises(ScanError) as caught:
        read_header(path)
    assert SECRET not in str(caught.value)
    assert SECRET_ID not in str(caught.value)
    return caught.value.code


def test_facts(tmp_path):
    path = write(
        tmp_path / "a", PIXELS, spacing=(0.5, 0.25), SliceThickness=3, BodyPartExamined="CHEST"
    )
    header = read_header(path)
    assert (header.columns, header.rows, header.frames, header.samples) == (4, 3, 1, 1)
    assert header.spacing == (0.25, 0.5)  # between columns first
    assert header.plane is not None
    assert header.thickness == 3
    assert (header.modality, header.body_part) == ("CT", "CHEST")
    assert header.series_uid == SERIES
    assert header.patient_id == SECRET_ID


def test_copies_share_a_key_and_slices_do_not(tmp_path):
    keys = [
        read_header(write(tmp_path / "a", PIXELS, SOPInstanceUID=uid, position=(0, 0, z))).slice_key
        for uid, z in [("1.2", 0), ("1.2", 0.0001), ("1.2", 1), ("1.3", 0)]
    ]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert read_header(write(tmp_path / "b", PIXELS, position=None)).slice_key is None


def test_repr_tells_no_patient(tmp_path):
    told = repr(read_header(write(tmp_path / "a", PIXELS)))
    assert SECRET_ID not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [
        (SegmentationStorage, "not_an_image"),
        (RTDoseStorage, "not_an_image"),
        (MRImageStorage, None),
    ],
)
def test_pixels_alone_make_no_image(tmp_path, sop_class, code):
    path = write(tmp_path / "a", PIXELS, sop_class=sop_class)
    if code is None:
        assert read_header(path).rows == 3
    else:
        assert code_of(path) == code


def test_a_report_is_no_image_and_an_image_cut_before_its_pixels_is_truncated(tmp_path):
    for sop_class, code in [
        (BasicTextSRStorage, "not_an_image"),
        (MRImageStorage, "truncated_pixels"),
    ]:
        ds = dataset(PIXELS, sop_class=sop_class)
        del ds.PixelData
        ds.save_as(tmp_path / "a", enforce_file_format=True)
        assert code_of(tmp_path / "a") == code


def test_a_file_cut_within_its_header_is_damaged(tmp_path):
    path = write(tmp_path / "a", PIXELS)
    path.write_bytes(path.read_bytes()[:400])
    assert code_of(path) == "damaged_dicom"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("dicomdirtests/DICOMDIR", "dicomdir"),
        ("liver_1frame.dcm", "not_an_image"),
        ("rtdose.dcm", "not_an_image"),
        ("test-SR.dcm", "not_an_image"),
        ("waveform_ecg.dcm", "not_an_image"),
    ],
)
def test_objects_that_pydicom_ships(name, code):
    assert code_of(SHIPPED / "test_files" / name) == code


@pytest.mark.parametrize("size", [{"Rows": 0}, {"NumberOfFrames": -1}])
def test_sizes_must_be_positive(tmp_path, size):
    assert code_of(write(tmp_path / "a", PIXELS, **size)) == "damaged_dicom"


@pytest.mark.parametrize("frames", [None, 0, 1])
def test_an_idle_number_of_frames_means_one(tmp_path, frames):
    assert read_header(write(tmp_path / "a", PIXELS, NumberOfFrames=frames)).frames == 1


def test_a_huge_promise_is_refused_from_the_header(tmp_path):
    path = write(tmp_path / "a", PIXELS, Rows=60_000, Columns=60_000)
    assert code_of(path) == "too_large"
    path = write(tmp_path / "a", PIXELS, Rows=10_000, Columns=10_000, NumberOfFrames=6)
    assert code_of(path) == "too_large"


def test_broken_geometry_is_unknown_and_said(tmp_path):
    path = write(tmp_path / "a", PIXELS, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    header = read_header(path)
    assert header.plane is None
    assert header.spacing == (1, 1)
    assert "right angles" in header.warnings[0]


def test_numbers_and_text_never_raise():
    ds = dataset(PIXELS, WindowCenter=[40, 60], SliceThickness=None)
    assert numbers(ds, "WindowCenter") == (40, 60)
    assert numbers(ds, "WindowCenter", 1) is None
    assert numbers(ds, "SliceThickness") is None
    assert numbers(ds, "Modality") is None
    assert numbers(ds, "WindowWidth") is None
    assert text(ds, "Modality") == "CT"
    assert text(ds, "BodyPartExamined") is None


def test_a_value_that_pydicom_cannot_convert_is_no_number(tmp_path):
    path = write(tmp_path / "a", PIXELS, spacing=(0.5, 0.25))
    path.write_bytes(path.read_bytes().replace(b"0.5\\0.25", b"0,5\\0,25"))
    assert read_header(path).spacing is None
    assert read_header(path).plane is None


@pytest.mark.parametrize("spacing", [(0, 1), (-1, 1), (1,), (1, 1, 1)])
def test_spacing_must_be_two_positive_numbers(spacing):
    assert pixel_spacing(dataset(PIXELS, PixelSpacing=list(spacing))) is None


def test_spacing_at_the_detector_is_not_spacing_in_the_patient():
    ds = dataset(PIXELS, spacing=None, ImagerPixelSpacing=[0.1, 0.1])
    assert pixel_spacing(ds) is None


def test_a_file_without_preamble_gets_its_transfer_syntax(tmp_path):
    ds = dataset(PIXELS)
    ds.save_as(tmp_path / "whole", enforce_file_format=True)
    data = (tmp_path / "whole").read_bytes()
    start = data.index(b"\x08\x00\x16\x00UI")  # the first element after the meta header
    (tmp_path / "bare").write_bytes(data[start:])
    found, header = read_dataset(tmp_path / "bare")
    assert header.transfer_syntax == "1.2.840.10008.1.2.1"
    assert found.pixel_array.tolist() == PIXELS.tolist()


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ({"BurnedInAnnotation": "YES"}, "shows_identity", "BurnedInAnnotation"),
        ({"BurnedInAnnotation": "YES", "Modality": "US"}, "shows_identity", "BurnedInAnnotation"),
        ({"RecognizableVisualFeatures": "YES"}, "shows_identity", "RecognizableVisualFeatures"),
        (
            {"RecognizableVisualFeatures": "YES", "BurnedInAnnotation": "NO"},
            "shows_identity",
            "recognised",
        ),
        ({"Modality": "US"}, "burned_in_text", "ultrasound"),
        ({"sop_class": SecondaryCaptureImageStorage}, "burned_in_text", "secondary capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "burned_in_text", "screenshot"),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, None, ""),
        ({"RecognizableVisualFeatures": "NO"}, None, ""),
        ({}, None, ""),
    ],
)
def test_pictures_that_may_show_names_are_flagged(tmp_path, how, code, said):
    warned = read_header(write(tmp_path / "a", PIXELS, **how)).warnings
    assert [warning.code for warning in warned] == [code] * bool(code)
    assert all(said in warning for warning in warned)


@pytest.mark.parametrize(
    ("maker", "model", "scanner"),
    [
        ("GE MEDICAL SYSTEMS", "Discovery MR750", "GE MEDICAL SYSTEMS Discovery MR750"),
        ("SIEMENS", "", "SIEMENS"),
        ("", "", None),
        ("Planted^Anna", "Planted, Anna", None),
    ],
)
def test_the_scanner_is_its_maker_and_model(tmp_path, maker, model, scanner):
    how = {"Manufacturer": maker, "ManufacturerModelName": model}
    assert read_header(write(tmp_path / "a", PIXELS, **how)).scanner == scanner


def test_a_name_in_another_script_is_read_whole(tmp_path):
    """The identifier that a bank's table has in UTF-8 equals the one in the header."""
    path = write(
        tmp_path / "a", PIXELS, SpecificCharacterSet="ISO_IR 144", PatientID="\u0418\u0432-7"
    )
    assert read_header(path).patient_id == "\u0418\u0432-7"


def test_a_name_where_a_code_belongs_is_told_nobody(tmp_path):
    ds = dataset(PIXELS)
    for keyword, value in (
        ("Modality", SECRET),
        ("BodyPartExamined", "Planted, Anna"),
        ("SeriesInstanceUID", SECRET),
    ):
        ds.add_new(keyword, "LO", value)
    ds.save_as(tmp_path / "a", enforce_file_format=True)
    header = read_header(tmp_path / "a")
    assert (header.modality, header.body_part, header.series_uid) == (None, None, None)
