from __future__ import annotations

import io

import pydicom
from pydicom.uid import UID

from medsiam.comparison import compare_embedding
from medsiam.reports.dicom_object import (
    device_uid,
    file_bytes,
    need_pacs_extra,
    new_object,
    object_uid,
)
from medsiam.scans.dicom.study import Instance, StudyFacts
from tests.comparison.stub_bank import make_scan, ring_bank

SR = "1.2.840.10008.5.1.4.1.1.88.34"


def facts(order=1):
    files = tuple(Instance("1.2", f"1.2.{i}", "1.3", "1.4") for i in range(3))[::order]
    return StudyFacts("1.4", (("PatientName", "A^B"), ("PatientAge", ""), ("PatientID", "")), files)


def comparison():
    bank = ring_bank()
    return compare_embedding(bank.embeddings[0], make_scan(), bank)


def test_uids_are_valid_differ_by_role_and_do_not_depend_on_the_order_of_files():
    asked = comparison()
    roles = ("report", "report series", "panel", "panel series")
    uids = [object_uid(asked, facts(), role) for role in roles]
    assert len(set(uids)) == 4
    assert all(UID(uid).is_valid for uid in (*uids, device_uid(asked)))
    assert uids == [object_uid(asked, facts(-1), role) for role in roles]


def test_what_must_be_there_is_there_even_empty_and_nothing_else():
    asked = comparison()
    ds = new_object(asked, facts(), class_uid=SR, modality="SR", description="x")
    read = pydicom.dcmread(io.BytesIO(file_bytes(ds)))
    assert str(read.PatientName) == "A^B"
    assert read.PatientID == ""
    assert "PatientAge" not in read
    assert read.StudyInstanceUID == "1.4"
    assert read.ContentDate == asked.created[:10].replace("-", "")
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    assert file_bytes(ds) == file_bytes(ds)


def test_a_missing_extra_is_named():
    error = ImportError("no", name="pynetdicom.ae")
    assert str(need_pacs_extra(error)).startswith("pynetdicom is not installed; `pip install")
