from __future__ import annotations

import io
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from medsiam.errors import ScanError
from medsiam.scans.dicom import elements
from medsiam.scans.dicom.elements import inflated_file, numbers, read_head, text, words
from medsiam.scans.dicom.header import TAGS
from tests.scans.written import SHIPPED

PATH = Path("a.dcm")
FILES = sorted(
    path
    for path in (SHIPPED / "test_files").rglob("*.dcm")
    if path.name not in ("no_meta.dcm", "empty_charset_LEI.dcm")
)


def meta(syntax) -> bytes:
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    return b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value


def element(group, number, vr, value, order="little") -> bytes:
    tag = group.to_bytes(2, order) + number.to_bytes(2, order)
    return tag + vr + len(value).to_bytes(2, order) + value


def as_pydicom(ds, keyword):
    """The independent reference: pydicom's own conversion, written as text."""
    value = ds.get(keyword)
    if value is None or value == "":
        return ()
    several = isinstance(value, (list, tuple, pydicom.multival.MultiValue))
    return tuple(str(part).strip() for part in (value if several else [value]))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
@pytest.mark.filterwarnings("ignore")
def test_raw_values_are_those_that_pydicom_converts(path):
    try:
        reference = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception:
        pytest.skip("pydicom itself cannot read it")
    with path.open("rb") as file:
        head = read_head(file, path, TAGS)
    for keyword in ("Modality", "SOPClassUID", "SeriesInstanceUID", "PhotometricInterpretation"):
        assert text(head.dataset, keyword) == (str(reference.get(keyword) or "") or None)
    for keyword in ("Rows", "Columns", "PixelSpacing", "ImagePositionPatient", "NumberOfFrames"):
        expected = as_pydicom(reference, keyword)
        try:
            as_numbers = tuple(float(v) for v in expected) or None
        except ValueError:
            as_numbers = None
        assert numbers(head.dataset, keyword) == as_numbers
    assert words(head.dataset, "ImageType") == as_pydicom(reference, "ImageType")
    assert head.has_pixels == any(
        name in pydicom.dcmread(path, force=True)
        for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    )


def test_binary_numbers_in_both_byte_orders_and_without_vr():
    big = meta(ExplicitVRBigEndian) + element(0x28, 0x10, b"US", b"\x01\x02", "big")
    assert numbers(read_head(io.BytesIO(big), PATH).dataset, "Rows") == (258,)
    implicit = meta("1.2.840.10008.1.2") + b"\x28\0\x10\0\x02\0\0\0\x02\x01"
    assert numbers(read_head(io.BytesIO(implicit), PATH).dataset, "Rows") == (258,)
    unknown = meta("1.2.840.10008.1.2.1") + b"\x28\0\x10\0UN\0\0\x02\0\0\0\x02\x01"
    assert numbers(read_head(io.BytesIO(unknown), PATH).dataset, "Rows") == (258,)
    odd = meta("1.2.840.10008.1.2.1") + element(0x28, 0x10, b"US", b"\x01\x02\x03")
    assert numbers(read_head(io.BytesIO(odd), PATH).dataset, "Rows") is None


def test_text_that_is_no_number_and_values_that_are_not_finite():
    ds = Dataset()
    ds.add_new("PatientID", "LO", "17")
    assert numbers(ds, "PatientID") == (17,)
    for value in (b"1\\x", b"nan", b"inf\\1", b""):
        data = meta("1.2.840.10008.1.2.1") + element(0x28, 0x30, b"DS", value)
        assert numbers(read_head(io.BytesIO(data), PATH).dataset, "PixelSpacing") is None


def deflated(data_set: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(data_set) + machine.flush()
    return meta(DeflatedExplicitVRLittleEndian) + packed


def test_a_deflated_file_is_inflated_once_and_only_so_far(monkeypatch):
    rows = element(0x28, 0x10, b"US", b"\x03\0")
    head = read_head(io.BytesIO(deflated(rows)), PATH)
    assert numbers(head.dataset, "Rows") == (3,)
    assert inflated_file(io.BytesIO(deflated(rows)), PATH).Rows == 3
    monkeypatch.setattr(elements, "MAX_INFLATED", 1000)
    filling = b"".join(element(0x09, 0x1000 + k, b"LO", b"x" * 60) for k in range(40))
    for read in (read_head, inflated_file):
        with pytest.raises(ScanError) as caught:
            read(io.BytesIO(deflated(filling)), PATH)
        assert caught.value.code == "expands_too_much"


@pytest.mark.parametrize("cut", [0, 5])
def test_deflated_data_that_end_early_are_damage(cut):
    data = deflated(element(0x28, 0x10, b"US", b"\x03\0") * 9)
    short = data[: len(meta(DeflatedExplicitVRLittleEndian)) + cut]
    with pytest.raises(ScanError) as caught:
        read_head(io.BytesIO(short), PATH)
    assert caught.value.code == "damaged_dicom"
