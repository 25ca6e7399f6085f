from __future__ import annotations

import pytest

from medsiam.scans.dicom.walk import Departs, Short, TooDeep, pixel_bytes, walk
from tests.scans.written import element

ROWS, PIXELS = 0x00280010, 0x7FE00010
AFTER = element(0x28, 0x10, b"US", b"\x03\0")
UNDEFINED = b"\xff\xff\xff\xff"
ITEM, ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def sequence(content: bytes, *, length: bytes = UNDEFINED, vr: bytes = b"SQ") -> bytes:
    return b"\x08\0\x40\x11" + vr + b"\0\0" + length + content


def found(data: bytes, *, wanted=ROWS, implicit=False, little=True, **how):
    return walk(data, 0, frozenset({wanted}), implicit=implicit, little=little, **how)


INNER = element(0x10, 0x20, b"LO", b"inner")


@pytest.mark.parametrize(
    "before",
    [
        b"",
        element(0x08, 0x60, b"CS", b"CT"),
        b"\x09\0\x10\x10OB\0\0\x04\0\0\0abcd",
        sequence(ITEM + len(INNER).to_bytes(4, "little") + INNER + SEQUENCE_END),
        sequence(ITEM + UNDEFINED + INNER + ITEM_END + SEQUENCE_END),
        sequence(ITEM + UNDEFINED + sequence(SEQUENCE_END) + ITEM_END + SEQUENCE_END),
        sequence(SEQUENCE_END),
        sequence(b"\1" * 10, length=(10).to_bytes(4, "little")),  # stepped over, never looked into
        # UN of undefined length holds implicit VR (PS3.5 6.2.2)
        sequence(
            ITEM + UNDEFINED + b"\x10\0\x20\0\x02\0\0\0ab" + ITEM_END + SEQUENCE_END, vr=b"UN"
        ),
    ],
)
def test_what_is_not_asked_for_is_stepped_over(before):
    element = found(before + AFTER).elements[ROWS]
    assert (element.value, element.VR, element.length) == (b"\x03\0", "US", 2)


def test_implicit_vr_and_big_endian():
    implicit = b"\x28\0\x10\0\x02\0\0\0\x03\0"
    assert found(implicit, implicit=True).elements[ROWS].VR is None
    big = element(0x28, 0x10, b"US", b"\0\x03", "big")
    assert found(big, little=False).elements[ROWS].value == b"\0\x03"


def test_the_walk_ends_at_the_pixel_data():
    walked = found(AFTER + b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0abcd")
    assert walked.pixels == (PIXELS, len(AFTER) + 12, b"OW", 4)


def test_the_walk_ends_before_another_group():
    walked = found(element(2, 0x10, b"UI", b"1.2\0") + AFTER, group=2)
    assert walked.elements == {}
    assert walked.end == 12


@pytest.mark.parametrize("n", range(1, len(AFTER)))
def test_every_cut_is_short(n):
    with pytest.raises(Short):
        found(AFTER[:n])


def test_the_end_of_what_is_there_may_not_be_the_end():
    assert found(AFTER).pixels is None
    with pytest.raises(Short):
        found(AFTER, complete=False)


@pytest.mark.parametrize(
    "data",
    [
        b"\x28\0\x10\0xx\x02\0\x03\0",  # no VR
        b"\x28\0\x10\0QQ\x02\0\x03\0",  # none that the standard knows
        sequence(AFTER),  # a sequence without item
        b"\x08\0\x40\x11UT\0\0" + UNDEFINED + SEQUENCE_END,  # text has a length
    ],
)
def test_what_departs_from_the_standard_is_left_to_pydicom(data):
    with pytest.raises(Departs):
        found(data)


def test_a_sequence_that_is_asked_for_is_left_to_pydicom():
    with pytest.raises(Departs):
        found(sequence(SEQUENCE_END), wanted=0x00081140)


def test_depth_has_a_ceiling():
    for depth, error in ((64, None), (65, TooDeep), (3000, TooDeep)):
        data = sequence(ITEM + UNDEFINED) * depth + (ITEM_END + SEQUENCE_END) * depth
        if error is None:
            assert found(data + AFTER).elements
        else:
            with pytest.raises(error):
                found(data)


def test_bytes_of_native_and_encapsulated_pixel_data():
    native = b"\xe0\x7f\x10\0OW\0\0\x04\0\0\0abcd" + AFTER
    assert pixel_bytes(native, found(native), little=True) == b"abcd"
    with pytest.raises(Short):
        pixel_bytes(native[:14], found(native[:14]), little=True)
    fragments = ITEM + b"\0\0\0\0" + ITEM + b"\x02\0\0\0ab"
    packed = b"\xe0\x7f\x10\0OB\0\0" + UNDEFINED + fragments + SEQUENCE_END
    assert pixel_bytes(packed, found(packed), little=True) == fragments
    with pytest.raises(Short):
        pixel_bytes(packed[:-3], found(packed[:-3]), little=True)
