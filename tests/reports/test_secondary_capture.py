from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest

from medsiam.comparison import RESEARCH_USE, compare_embedding
from medsiam.phantoms import make_phantom, write_dicom
from medsiam.reports.secondary_capture import panel_object
from medsiam.scans import read_scan, read_study
from tests.comparison.stub_bank import ring_bank
from tests.reports.dicom_tools import dump, faults
from tests.scans.written import write


@pytest.fixture(params=[2, 3])
def query(request, tmp_path):
    phantom = make_phantom(
        "crescent", spatial_dims=request.param, patient_id="SYN-7", random_state=4
    )
    return write_dicom(phantom, tmp_path / "query")


def made(path, scan):
    bank = ring_bank(spatial_dims=scan.spatial_dims)
    bank.kept = {case.case_id: (scan,) for case in bank.cases[::2]}
    comparison = compare_embedding(bank.embeddings[0], scan, bank, metric="euclidean", k=4)
    return comparison, panel_object(comparison, (scan,), read_study(scan.sources), bank)


def test_a_validator_finds_no_error_and_a_colour_picture_comes_back(query, tmp_path):
    scan = read_scan(query)
    comparison, written = made(query, scan)
    path = tmp_path / "sc.dcm"
    path.write_bytes(written)
    assert faults(path) == []
    said = dump(path)
    assert RESEARCH_USE in said
    assert comparison.verdict.text in said
    ds = pydicom.dcmread(path)
    assert ds.pixel_array.shape == (ds.Rows, ds.Columns, 3)
    assert len(np.unique(ds.pixel_array)) > 50  # a picture, not a blank
    assert ds.StudyInstanceUID == scan.study_uid
    assert ds.SeriesInstanceUID != scan.series_uid
    assert len(ds.SourceImageSequence) == len(scan.sources)
    assert ds.BurnedInAnnotation == "NO"


def test_text_in_the_querys_own_picture_is_owned_up_to(tmp_path):
    path = write(tmp_path / "us.dcm", np.eye(32, dtype=np.uint8) * 200, Modality="US")
    scan = read_scan(path)
    assert [said.code for said in scan.warnings] == ["burned_in_text"]
    ds = pydicom.dcmread(io.BytesIO(made(path, scan)[1]))
    assert ds.BurnedInAnnotation == "YES"


def test_the_same_question_gives_the_same_object_in_its_own_series(tmp_path):
    path = write(tmp_path / "a.dcm", np.eye(32, dtype=np.uint16) * 200)
    first, second = (pydicom.dcmread(io.BytesIO(made(path, read_scan(path))[1])) for _ in range(2))
    assert first.SOPInstanceUID == second.SOPInstanceUID
    assert np.array_equal(first.pixel_array, second.pixel_array)
