"""Uncompressed grey pixel data -> stored values, without the way through a decoder.

Most slices of an archive are of this kind, and finding the decoder costs more than the decoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from medsiam.scans.dicom.elements import numbers
from medsiam.scans.dicom.header import Header

_LITTLE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)
_FORMAT = ("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_PIXEL_DATA = 0x7FE00010


def native_frames(
    dataset: Dataset, header: Header, wanted: Sequence[int]
) -> Iterator[NDArray[Any]] | None:
    """Return (rows, columns) of each wanted frame, or None where anything is not plain.

    Bits beside the stored ones are left out (PS3.5 8.1.1): some files keep overlays or dirt there.
    """
    found = [numbers(dataset, keyword, 1) for keyword in _FORMAT]
    format_ = [int(value[0]) for value in found if value]
    is_little = header.transfer_syntax in _LITTLE
    is_plain = is_little or header.transfer_syntax == ExplicitVRBigEndian
    if not is_plain or header.samples != 1 or len(format_) < len(_FORMAT):
        return None
    allocated, stored, high, signed = format_
    if allocated == 8 and not is_little:  # bytes within words may be swapped
        return None
    if allocated not in (8, 16, 32) or not 1 <= stored <= high + 1 <= allocated:
        return None
    dtype = np.dtype(f"{'<' if is_little else '>'}{'i' if signed else 'u'}{allocated // 8}")
    data = getattr(dataset.get_item(_PIXEL_DATA), "value", None) or b""
    size = header.rows * header.columns
    expected = size * header.frames * dtype.itemsize
    if len(data) != expected + expected % 2:
        return None
    above, unused = allocated - high - 1, allocated - stored
    frames = (np.frombuffer(data, dtype, size, k * size * dtype.itemsize) for k in wanted)
    # Shifted to the left what lies above is gone, shifted back what lies below; the sign stays.
    stored_values = ((frame << above) >> unused if unused else frame for frame in frames)
    return (values.reshape(header.rows, header.columns) for values in stored_values)
