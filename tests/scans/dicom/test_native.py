from __future__ import annotations

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from medsiam.scans.dicom.header import header_of
from medsiam.scans.dicom.native import native_frames
from tests.scans.written import dataset, head_of

FRAMES = np.asarray([[[0, 1, -3], [40, 50, -60]], [[7, 8, 9], [-1, -2, 127]]])


def frames_of(ds, wanted=(0, 1)):
    return native_frames(ds, header_of(head_of(ds), "a.dcm"), wanted)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32])
@pytest.mark.parametrize("implicit", [False, True])
def test_frames_are_those_that_pydicom_decodes(dtype, implicit):
    ds = dataset(np.abs(FRAMES).astype(dtype), NumberOfFrames=2)
    if implicit:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    found = frames_of(ds, (1, 0))
    assert found is not None
    for frame, expected in zip(found, ds.pixel_array[::-1], strict=True):
        np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize("signed", [0, 1])
def test_unused_bits_are_masked(signed):
    dirty = np.asarray([[0x0123, 0xF123], [0x5FFF, 0xA800]], np.uint16)
    ds = dataset(dirty, BitsStored=12, HighBit=11, PixelRepresentation=signed)
    (frame,) = frames_of(ds, (0,))
    expected = []
    for value in dirty.ravel():
        low = int(value) & 0xFFF
        expected.append(low - 4096 if signed and low >= 2048 else low)
    assert frame.ravel().tolist() == expected


def test_stored_bits_may_lie_high():
    """BitsStored 12 with HighBit 15: the value is in the upper bits."""
    high = np.asarray([[0x123F, 0xFFF0], [0x0010, 0x8000]], np.uint16)
    (frame,) = frames_of(dataset(high, BitsStored=12, HighBit=15), (0,))
    assert frame.ravel().tolist() == [0x123, 0xFFF, 1, 0x800]
    (frame,) = frames_of(dataset(high.view(np.int16), BitsStored=12, HighBit=15), (0,))
    assert frame.ravel().tolist() == [0x123, -1, 1, -2048]


@pytest.mark.parametrize(
    "elements",
    [
        {"HighBit": 16},
        {"HighBit": 3},
        {"BitsAllocated": 12},
        {"BitsStored": None},
        {"PixelData": b"\0\0"},
        {"PixelData": FRAMES.astype("<i2").tobytes() + b"\0\0"},
        {"SamplesPerPixel": 3},
    ],
)
def test_anything_else_is_left_to_the_decoders(elements):
    ds = dataset(FRAMES.astype(np.int16), NumberOfFrames=2)
    assert frames_of(ds) is not None
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    assert frames_of(ds) is None


def test_big_endian_words():
    ds = dataset(FRAMES.astype(np.int16), NumberOfFrames=2)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = FRAMES.astype(">i2").tobytes()
    for frame, expected in zip(frames_of(ds), FRAMES, strict=True):
        np.testing.assert_array_equal(frame, expected)


def test_other_transfer_syntaxes_are_left_to_the_decoders():
    ds = dataset(FRAMES.astype(np.int16), NumberOfFrames=2)
    ds.file_meta.TransferSyntaxUID = RLELossless
    assert frames_of(ds) is None
    ds = dataset(FRAMES.astype(np.int8), NumberOfFrames=2)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian  # bytes may be swapped within words
    assert frames_of(ds) is None
