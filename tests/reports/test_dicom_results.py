from __future__ import annotations

import numpy as np
import pydicom
import pytest

from medsiam import compare, read_scan
from medsiam.comparison import compare_embedding
from medsiam.errors import MissingExtraError, OutputError, UsageError
from medsiam.phantoms import make_phantom, write_dicom
from medsiam.reports import check_can_write_dicom, write_dicom_results
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.dicom_tools import faults
from tests.scans.written import SECRET_ID, write


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    phantom = make_phantom("crescent", spatial_dims=3, patient_id="SYN-99", random_state=6)
    return write_dicom(phantom, tmp_path_factory.mktemp("SYN-99"))


def test_two_valid_objects_named_by_their_uids_and_written_again_the_same(
    phantom_bank, query, tmp_path
):
    scan = read_scan(query)
    comparison = compare(scan, phantom_bank)
    written = write_dicom_results(comparison, scan, phantom_bank, tmp_path / "out")
    for path in (written.report, written.panel):
        assert faults(path) == []
        assert path.stem == pydicom.dcmread(path).SOPInstanceUID
    before = written.report.read_bytes()
    assert write_dicom_results(comparison, scan, phantom_bank, tmp_path / "out") == written
    assert written.report.read_bytes() == before
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_no_name_of_the_patient_is_in_a_file_name(phantom_bank, tmp_path):
    path = write(tmp_path / "a.dcm", np.eye(32, dtype=np.uint16))
    bank = ring_bank()
    scan = make_scan(sources=(path,), patient_id=SECRET_ID)
    comparison = compare_embedding(bank.embeddings[0], scan, bank)
    written = write_dicom_results(comparison, scan, bank, tmp_path / "out")
    assert SECRET_ID not in str(written.report) + str(written.panel)
    assert pydicom.dcmread(written.report).PatientID == SECRET_ID


def test_a_query_that_is_no_dicom_and_a_folder_that_cannot_be_are_refused(
    phantom_bank, query, tmp_path
):
    scan = read_scan(query)
    comparison = compare(scan, phantom_bank)
    with pytest.raises(UsageError, match="read from DICOM files"):
        write_dicom_results(comparison, scan, phantom_bank, tmp_path, files=())
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_dicom_results(comparison, scan, phantom_bank, tmp_path / "file")


def test_the_missing_extra_is_said_before_anything_long(monkeypatch):
    check_can_write_dicom()
    monkeypatch.setitem(__import__("sys").modules, "highdicom.sr", None)
    with pytest.raises(MissingExtraError, match="highdicom is not installed"):
        check_can_write_dicom()
