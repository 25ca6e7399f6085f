"""Elements of a DICOM data set as plain Python values, read without trust.

The header pass looks at every file of an archive, so it takes raw values and converts only what it
asks for: pydicom's own conversion of a value costs more than finding it in the file.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset, read_preamble
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, PrivateTransferSyntaxes

from medsiam.scans.faults import fault
from medsiam.scans.limits import MAX_INFLATED

_PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # float, double float and integer pixel data
_MAX_TEXT = 1 << 16  # bytes of a value that is asked for as text
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
# Of the elements asked for here, those that are binary numbers in a file that does not say so
# (implicit VR, or every VR written as UN).
_IMPLIED = {
    "Rows": "US",
    "Columns": "US",
    "SamplesPerPixel": "US",
    "BitsAllocated": "US",
    "BitsStored": "US",
    "HighBit": "US",
    "PixelRepresentation": "US",
    "PixelPaddingValue": "US",
    "PixelPaddingRangeLimit": "US",
    "EffectiveEchoTime": "FD",
    "DiffusionBValue": "FD",
    "DiffusionGradientOrientation": "FD",
    "TemporalPositionIndex": "UL",
    "InStackPositionNumber": "UL",
    "DimensionIndexValues": "UL",
}
# What an element without usable value gives.
_NOTHING: tuple[str, ...] = ()


@dataclass(frozen=True)
class Head:
    """A data set up to its pixel data.

    Attributes:
        dataset: raw elements.
        meta: file meta information (group 2), empty where the file has none.
        transfer_syntax: as the file says, else as it was found to be written.
        has_pixels: True where pixel data follow.
    """

    dataset: Dataset
    meta: Dataset
    transfer_syntax: UID
    has_pixels: bool


def read_head(file: BinaryIO, path: Path, tags: list[BaseTag | int] | None = None) -> Head:
    """Read a DICOM file up to its pixel data; a deflated one is inflated up to a ceiling.

    Args:
        file: open at its start.
        path: for messages.
        tags: elements to keep; None keeps all.

    Raises:
        ScanError: `expands_too_much`, `damaged_dicom`.
    """
    read_preamble(file, force=True)
    meta = _read_meta(file)
    implicit, little, syntax = _encoding(text(meta, "TransferSyntaxUID"), file)
    if syntax == DeflatedExplicitVRLittleEndian:
        file = io.BytesIO(_inflated(file.read(), path))
    seen: list[int] = []

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if tag in _PIXELS:
            seen.append(tag)
        return bool(seen)

    dataset = read_dataset(file, implicit, little, stop_when=at_pixels, specific_tags=tags)
    return Head(dataset, meta, syntax, bool(seen))


def _encoding(name: str | None, file: BinaryIO) -> tuple[bool, bool, UID]:
    """Return (implicit VR, little endian, transfer syntax); a guess where the file is silent."""
    if name is not None:
        syntax = UID(name)
        if syntax.is_transfer_syntax and not syntax.is_private:
            return syntax.is_implicit_VR, syntax.is_little_endian, syntax
        for known in PrivateTransferSyntaxes:
            if known == syntax:
                return known.is_implicit_VR, known.is_little_endian, known
        return False, True, syntax
    first = file.read(6)
    file.seek(-len(first), 1)
    explicit = first[4:6].isalpha() and first[4:6].isupper()
    big = explicit and first[0] == 0 and first[1] != 0
    if not explicit:
        return True, True, UID("1.2.840.10008.1.2")
    return False, not big, UID("1.2.840.10008.1.2.2" if big else "1.2.840.10008.1.2.1")


def inflated_file(file: BinaryIO, path: Path) -> FileDataset:
    """Read a whole deflated DICOM file, inflated up to a ceiling (PS3.5 A.5).

    Raises:
        ScanError: `expands_too_much` beyond the ceiling, `damaged_dicom`.
    """
    read_preamble(file, force=True)
    meta = _read_meta(file)
    dataset = read_dataset(io.BytesIO(_inflated(file.read(), path)), False, True)
    made = FileDataset(str(path), dataset, file_meta=meta, is_implicit_VR=False)
    made.set_original_encoding(False, True, dataset._character_set)
    return made


def _read_meta(file: BinaryIO) -> FileMetaDataset:
    return FileMetaDataset(read_dataset(file, False, True, stop_when=_after_meta))


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 2


def _inflated(packed: bytes, path: Path) -> bytes:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = machine.decompress(packed, MAX_INFLATED)
    except zlib.error:
        raise fault("damaged_dicom", path, "its deflated data cannot be inflated") from None
    if machine.unconsumed_tail:
        what = f"{len(packed)} deflated bytes that inflate to more than {MAX_INFLATED >> 20} MB"
        raise fault("expands_too_much", path, what)
    if not machine.eof:
        raise fault("damaged_dicom", path, "its deflated data end early")
    return data


@cache
def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return BaseTag(tag)


def words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of an element as texts without padding; none where it is absent or broken.

    Binary numbers are told from the VR, or from the element where the file does not say.
    """
    try:
        element = dataset.get_item(_tag(keyword))
        if element is None or element.value is None:
            return _NOTHING
        if isinstance(element, RawDataElement):
            return _raw_words(element, keyword, dataset)
        value = element.value
        several = isinstance(value, (MultiValue, list, tuple))
        texts = (str(part).strip(" \0") for part in (value if several else [value]))
        found = tuple(texts)
    except Exception:  # a broken value may raise anything when pydicom converts it
        return _NOTHING
    return found if any(found) else _NOTHING


def _raw_words(element: RawDataElement, keyword: str, dataset: Dataset) -> tuple[str, ...]:
    data = element.value
    if not data or len(data) > _MAX_TEXT:
        return _NOTHING
    vr = element.VR
    kind = _IMPLIED.get(keyword) if vr in (None, "UN") else vr
    if kind in _BINARY:
        code = _BINARY[kind]
        order = "<" if element.is_little_endian else ">"
        size = struct.calcsize(code)
        if len(data) % size:
            return _NOTHING
        return tuple(str(v) for (v,) in struct.iter_unpack(order + code, data))
    if not data.isascii():  # a character set decides
        return tuple(str(part).strip() for part in str(dataset[keyword].value).split("\\"))
    found = tuple(part.strip(" \0") for part in data.decode("ascii").split("\\"))
    return found if any(found) else _NOTHING


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return an element as one text without padding, or None where it is empty or broken."""
    return "\\".join(words(dataset, keyword)) or None


def numbers(dataset: Dataset, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
    """Return the finite numbers of an element, or None where it is absent or broken.

    Args:
        dataset: where to look.
        keyword: the element.
        count: how many there must be; None takes any number but none.
    """
    found = words(dataset, keyword)
    try:
        values = tuple(float(word) for word in found)
    except ValueError:
        return None
    fits = len(values) == count if count is not None else len(values) > 0
    return values if fits and all(map(math.isfinite, values)) else None
