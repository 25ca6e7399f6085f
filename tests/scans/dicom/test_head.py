from __future__ import annotations

import io
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medsiam.errors import ScanError
from medsiam.scans.dicom import head as module
from medsiam.scans.dicom.elements import numbers, text, words
from medsiam.scans.dicom.head import read_head, read_whole
from medsiam.scans.dicom.header import TAGS
from tests.scans.written import SHIPPED, element, meta

PATH = Path("a.dcm")
FILES = sorted(
    path
    for path in (SHIPPED / "test_files").rglob("*.dcm")
    if path.name not in ("no_meta.dcm", "empty_charset_LEI.dcm")
)
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = meta(DeflatedExplicitVRLittleEndian)


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
        reference = pydicom.dcmread(path, force=True)
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
    pixels = [n for n in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if n in reference]
    assert head.has_pixels == bool(pixels)
    if pixels:
        whole, syntax = read_whole(path, TAGS)
        assert bytes(whole[pixels[0]].value) == bytes(reference[pixels[0]].value)
        assert whole[pixels[0]].VR == reference[pixels[0]].VR
        assert syntax == reference.file_meta.get("TransferSyntaxUID", syntax)


def deflated(data_set: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return DEFLATED + machine.compress(data_set) + machine.flush()


def test_a_deflated_file_is_inflated_once_and_only_so_far(tmp_path, monkeypatch):
    rows = element(0x28, 0x10, b"US", b"\x03\0")
    assert numbers(read_head(io.BytesIO(deflated(rows)), PATH, TAGS).dataset, "Rows") == (3,)
    path = tmp_path / "a"
    path.write_bytes(deflated(rows))
    assert read_whole(path, TAGS)[0].Rows == 3
    monkeypatch.setattr(module, "MAX_INFLATED", 1000)
    filling = b"".join(element(0x09, 0x1000 + k, b"LO", b"x" * 60) for k in range(40))
    path.write_bytes(deflated(filling))
    with pytest.raises(ScanError) as caught:
        read_whole(path, TAGS)
    assert caught.value.code == "expands_too_much"
    with pytest.raises(ScanError) as caught, path.open("rb") as file:
        read_head(file, path, TAGS)
    assert caught.value.code == "expands_too_much"


@pytest.mark.parametrize("cut", [0, 5])
def test_deflated_data_that_end_early_are_damage(cut):
    data = deflated(element(0x28, 0x10, b"US", b"\x03\0") * 9)
    with pytest.raises(ScanError) as caught:
        read_head(io.BytesIO(data[: len(DEFLATED) + cut]), PATH, TAGS)
    assert caught.value.code == "damaged_dicom"


@pytest.mark.parametrize("filling", [0, 40_000, 400_000])
def test_a_header_of_any_length_is_read_to_its_pixels(filling):
    long = b"\x09\0\x10\x10UN\0\0" + filling.to_bytes(4, "little") + b"z" * filling
    rows = element(0x28, 0x10, b"US", b"\x03\0")
    pixels = b"\xe0\x7f\x10\0OW\0\0\x02\0\0\0ab"
    head = read_head(io.BytesIO(meta(EXPLICIT) + long + rows + pixels), PATH, TAGS)
    assert numbers(head.dataset, "Rows") == (3,)
    assert head.has_pixels
    head = read_head(io.BytesIO(meta(EXPLICIT) + long + rows), PATH, TAGS)
    assert numbers(head.dataset, "Rows") == (3,)
    assert not head.has_pixels


def test_a_file_beyond_the_ceiling_is_not_opened(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(meta(EXPLICIT) + element(0x28, 0x10, b"US", b"\x03\0"))
    monkeypatch.setattr(module, "MAX_FILE", 100)
    with pytest.raises(ScanError) as caught:
        read_whole(path, TAGS)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize("depth", [65, 249, 5000])
def test_deep_nesting_is_refused(depth):
    opening = b"\x40\0\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    data = meta(EXPLICIT) + opening * depth + closing * depth
    with pytest.raises(ScanError) as caught:
        read_head(io.BytesIO(data), PATH, TAGS)
    assert caught.value.code == "nested_too_deep"
