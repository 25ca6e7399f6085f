"""The top level of a DICOM data set, found in its bytes without looking into what is not asked for.

Parsing every element of every file is most of what reading a series costs, and nearly all of it is
sequences and private elements that nobody asks for. This walk follows PS3.5 section 7 to the
letter and steps over them; where a file departs from the letter it says `Departs`, and the caller
gives the file to pydicom, which is lenient.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import cast

from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.tag import BaseTag

from medsiam.scans.limits import MAX_NESTING

PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}  # float, double float and integer pixel data
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DELIMITERS = 0xFFFE  # group of items and their ends, which have no VR
_SHORT = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
)  # VRs with a length of two bytes
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # of four
_MAY_BE_UNDEFINED = frozenset(b"SQ UN OB OW".split())


class Departs(Exception):  # noqa: N818 - no error: a reason to ask pydicom
    """The bytes are not a plain data set as the standard describes it."""


class Short(Departs):
    """The bytes end before the data set does; with more of them it may be plain."""


class TooDeep(Exception):  # noqa: N818 - the caller makes it a fault
    """Sequences lie within sequences beyond the ceiling."""


Elements = dict[BaseTag, DataElement | RawDataElement]  # as pydicom builds a data set from


@dataclass
class Walk:
    """What was found.

    Attributes:
        elements: raw, by tag; those that were asked for.
        end: where the walk ended.
        pixels: tag of the pixel data, where they begin within the bytes, VR and length; None
            where the data set ends without any.
    """

    elements: Elements = field(default_factory=dict)
    end: int = 0
    pixels: tuple[int, int, bytes | None, int] | None = None


class _Reader:
    """Bytes with an encoding."""

    def __init__(self, data: bytes, *, implicit: bool, little: bool) -> None:
        self.data, self.implicit, self.little = data, implicit, little
        order = "<" if little else ">"
        self._explicit = struct.Struct(order + "HH2sH").unpack_from
        self._implicit = struct.Struct(order + "HHL").unpack_from
        self._long = struct.Struct(order + "L").unpack_from

    def element(self, at: int) -> tuple[int, bytes | None, int, int]:
        """Return (tag, VR, length, where the value begins) of the element at `at`."""
        data = self.data
        if at + 8 > len(data):
            raise Short
        if not self.implicit:
            group, number, vr, length = self._explicit(data, at)
            if vr in _SHORT:
                return group << 16 | number, vr, length, at + 8
            if group != _DELIMITERS:
                if vr not in _LONG:
                    raise Departs
                if at + 12 > len(data):
                    raise Short
                return group << 16 | number, vr, self._long(data, at + 8)[0], at + 12
        group, number, length = self._implicit(data, at)
        return group << 16 | number, None, length, at + 8

    def after_items(self, at: int, depth: int) -> int:
        """Return where a sequence of undefined length ends, `at` being its first item."""
        if depth > MAX_NESTING:
            raise TooDeep
        while True:
            tag, _, length, at = self.element(at)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM:
                raise Departs
            at = self.after_item(at, depth) if length == _UNDEFINED else at + length

    def after_item(self, at: int, depth: int) -> int:
        """Return where an item of undefined length ends, `at` being its first element."""
        while True:
            tag, vr, length, at = self.element(at)
            if tag == _ITEM_END:
                return at
            at = self.after(vr, length, at, depth)

    def after(self, vr: bytes | None, length: int, at: int, depth: int) -> int:
        """Return where a value that begins at `at` ends."""
        if length != _UNDEFINED:
            return at + length
        if vr is not None and vr not in _MAY_BE_UNDEFINED:
            raise Departs
        if vr == b"UN" and not (self.implicit and self.little):  # PS3.5 6.2.2 note
            return _Reader(self.data, implicit=True, little=True).after_items(at, depth + 1)
        return self.after_items(at, depth + 1)


def walk(
    data: bytes,
    start: int,
    wanted: frozenset[int],
    *,
    implicit: bool,
    little: bool,
    complete: bool = True,
    group: int | None = None,
) -> Walk:
    """Find elements of the top level, up to the pixel data.

    Args:
        data: the file, or its beginning.
        start: where the data set begins.
        wanted: tags to keep.
        implicit: True for implicit VR.
        little: True for little endian.
        complete: True where `data` is the whole file.
        group: stop at the first element of another group; None goes on.

    Raises:
        Short: the bytes end within the data set.
        Departs: pydicom should be asked.
        TooDeep: sequences lie within sequences beyond the ceiling.
    """
    found, reader, at = Walk(), _Reader(data, implicit=implicit, little=little), start
    while at != len(data) or not complete:
        found.end = at
        tag, vr, length, value = reader.element(at)
        if group is not None and tag >> 16 != group:
            return found
        if tag in PIXELS:
            found.pixels = (tag, value, vr, length)
            return found
        at = reader.after(vr, length, value, 0)
        if tag not in wanted:
            if at > len(data):
                raise Short
            continue
        if length == _UNDEFINED:
            raise Departs  # a sequence that is asked for: pydicom takes it apart
        if at > len(data):
            raise Short
        name = None if vr is None else vr.decode("ascii")
        base = BaseTag(tag)
        raw = data[value:at] if length else cast("bytes | None", empty_value_for_VR(name, raw=True))
        found.elements[base] = RawDataElement(base, name, length, raw, value, implicit, little)
    return found


def pixel_bytes(data: bytes, found: Walk, *, little: bool) -> bytes:
    """Return the value of the pixel data; of encapsulated ones all fragments with their headers.

    Raises:
        Short: the bytes end within the pixel data.
        Departs: encapsulated pixel data without end.
    """
    assert found.pixels is not None
    _, at, _, length = found.pixels
    if length != _UNDEFINED:
        if at + length > len(data):
            raise Short
        return data[at : at + length]
    end = _Reader(data, implicit=False, little=little).after_items(at, 0)
    return data[at : end - 8]
