"""Elements of a DICOM data set as plain Python values, read without trust.

The header pass looks at every file of an archive, so raw values are converted here, and only those
that are asked for: pydicom's conversion of a value costs more than finding it in the file.
"""

from __future__ import annotations

import math
import re
import struct
from functools import cache

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

_MAX_TEXT = 1 << 16  # bytes of a value that is asked for as text
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}
# Of the elements asked for here, those that are binary numbers in a file that does not say so
# (implicit VR, or every VR written as UN).
_IMPLIED: dict[str | int, str] = {
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
    0x20011003: "FL",  # b-value of Philips
}
_CODE_STRING = re.compile(r"[A-Za-z0-9 _-]{1,16}")
_DEVICE_NAME = re.compile(r"[A-Za-z0-9 ._()/+-]{1,64}")
_UID = re.compile(r"[0-9.]{1,64}")
# What an element without usable value gives.
_NOTHING: tuple[str, ...] = ()


@cache
def _tag(keyword: str | int) -> BaseTag:
    tag = tag_for_keyword(keyword) if isinstance(keyword, str) else keyword
    assert tag is not None, keyword
    return BaseTag(tag)


def words(dataset: Dataset, keyword: str | int) -> tuple[str, ...]:
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


def _raw_words(element: RawDataElement, keyword: str | int, dataset: Dataset) -> tuple[str, ...]:
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
        return tuple(str(part).strip() for part in str(dataset[_tag(keyword)].value).split("\\"))
    found = tuple(part.strip(" \0") for part in data.decode("ascii").split("\\"))
    return found if any(found) else _NOTHING


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return an element as one text without padding, or None where it is empty or broken."""
    return "\\".join(words(dataset, keyword)) or None


def code_string(value: str | None) -> str | None:
    """Return a code where its characters can be no name (PS3.5 6.2, VR CS); else None."""
    return value if value and _CODE_STRING.fullmatch(value) else None


def device_name(value: str | None) -> str | None:
    """Return a maker's or model's name; None where it has the form of a person's (VR PN)."""
    return value if value and _DEVICE_NAME.fullmatch(value) else None


def uid(value: str | None) -> str | None:
    """Return a UID where it has the characters of one (PS3.5 9.1); else None: it may be a name."""
    return value if value and _UID.fullmatch(value) else None


def numbers(
    dataset: Dataset, keyword: str | int, count: int | None = None
) -> tuple[float, ...] | None:
    """Return the finite numbers of an element, or None where it is absent or broken.

    Args:
        dataset: where to look.
        keyword: the element, or its tag.
        count: how many there must be; None takes any number but none.
    """
    found = words(dataset, keyword)
    try:
        values = tuple(float(word) for word in found)
    except ValueError:
        return None
    fits = len(values) == count if count is not None else len(values) > 0
    return values if fits and all(map(math.isfinite, values)) else None
