from __future__ import annotations

import io
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from medsiam.scans.dicom.elements import numbers, text, words
from medsiam.scans.dicom.head import read_head
from medsiam.scans.dicom.header import TAGS
from tests.scans.written import element, meta

EXPLICIT = "1.2.840.10008.1.2.1"


def head(data: bytes) -> Dataset:
    return read_head(io.BytesIO(data), Path("a.dcm"), TAGS).dataset


def test_binary_numbers_in_both_byte_orders_and_without_vr():
    big = meta(ExplicitVRBigEndian) + element(0x28, 0x10, b"US", b"\x01\x02", "big")
    assert numbers(head(big), "Rows") == (258,)
    implicit = meta("1.2.840.10008.1.2") + b"\x28\0\x10\0\x02\0\0\0\x02\x01"
    assert numbers(head(implicit), "Rows") == (258,)
    unknown = meta(EXPLICIT) + b"\x28\0\x10\0UN\0\0\x02\0\0\0\x02\x01"
    assert numbers(head(unknown), "Rows") == (258,)
    odd = meta(EXPLICIT) + element(0x28, 0x10, b"US", b"\x01\x02\x03")
    assert numbers(head(odd), "Rows") is None


def test_converted_and_raw_values_are_told_alike():
    ds = Dataset()
    ds.PatientID, ds.ImageType, ds.Rows = " 17 ", ["ORIGINAL", "M "], 3
    assert numbers(ds, "PatientID") == (17,)
    assert words(ds, "ImageType") == ("ORIGINAL", "M")
    assert numbers(ds, "Rows") == (3,)
    data = meta(EXPLICIT) + element(0x08, 0x08, b"CS", b"ORIGINAL\\M ")
    data += element(0x10, 0x20, b"LO", b" 17 ")
    assert words(head(data), "ImageType") == ("ORIGINAL", "M")
    assert text(head(data), "PatientID") == "17"


@pytest.mark.parametrize("value", [b"1\\x", b"nan", b"inf\\1", b"", b"\0\0"])
def test_what_is_no_finite_number_is_none(value):
    data = meta(EXPLICIT) + element(0x28, 0x30, b"DS", value)
    assert numbers(head(data), "PixelSpacing") is None


def test_a_value_of_absurd_length_is_none():
    data = meta(EXPLICIT) + b"\x10\0\x20\0UN\0\0" + (70_000).to_bytes(4, "little") + b"1" * 70_000
    assert text(head(data), "PatientID") is None
