"""Headers of real scanners and archives: nothing of what names anybody survives pseudonyms."""

from __future__ import annotations

import pydicom
import pytest

from medsiam.comparison import compare_embedding
from medsiam.errors import ScanError
from medsiam.reports import Pseudonyms
from medsiam.reports.dicom_sr import structured_report
from medsiam.reports.pseudonyms import CODES
from medsiam.reports.secondary_capture import panel_object
from medsiam.scans import index_folder, read_study
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.dicom_tools import faults

pytest.importorskip("highdicom", reason="needs the extra pacs")

NAMING = {"PN", "LO", "SH", "UI", "DA", "AS", "LT", "ST", "UC"}
SHORTEST = 6  # what is shorter may stand there by chance
OWN = {text for code in CODES for text in code}  # gbm_* were de-identified, and say how


def names_in(file):
    """Every value of a header that may name somebody or something of his, at any depth."""
    ds = pydicom.dcmread(file, force=True, stop_before_pixels=True)
    for element in ds.iterall():
        if element.VR in NAMING:
            for value in element.value if element.VM > 1 else [element.value]:
                said = str(value).strip()
                if len(said) >= SHORTEST and not said.startswith("1.2.840.10008"):
                    yield said


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_no_value_of_a_real_header_is_in_an_object(medsiam_data, tmp_path):
    bank, made = ring_bank(), Pseudonyms(bytes(range(40)))
    n_values = n_objects = 0
    for source in index_folder(medsiam_data / "dicom_samples").sources:
        if source.kind != "dicom":
            continue
        try:
            facts = read_study(source.files)
        except ScanError:
            continue
        values = {name for file in source.files for name in names_in(file)} - OWN
        scan = make_scan(sources=tuple(source.files))
        answer = compare_embedding(bank.embeddings[0], scan, bank)
        hidden = made.of_study(facts)
        for data in (
            structured_report(answer, hidden),
            panel_object(answer, (scan,), hidden, bank),
        ):
            path = tmp_path / f"{n_objects}.dcm"
            path.write_bytes(data)
            assert faults(path) == []
            assert not [value for value in values if value.encode() in data]
            n_objects += 1
        n_values += len(values)
    assert n_objects > 80
    assert n_values > 1000
