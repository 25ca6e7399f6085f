"""Padding: values that fill the field outside of the picture (PS3.3 C.7.5.1.1.2).

A padding value far below all tissue (-2000 in CT) would stretch every intensity rule, so it takes
the place of the lowest real value. Padding that lies within or close to the real values is left.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medsiam.scans.dicom.elements import numbers

_APART = 0.01  # of the range of the real values


def without_padding(
    values: NDArray[Any], stored: NDArray[Any], dataset: Dataset, *, is_negative: bool
) -> tuple[NDArray[Any], int]:
    """Return values whose padding is dark, and how many there were.

    Args:
        values: after the modality's rescale, any shape.
        stored: of the same shape.
        dataset: with PixelPaddingValue and perhaps PixelPaddingRangeLimit.
        is_negative: True for MONOCHROME1, where the highest value is dark.
    """
    ends = [_stored_value(dataset, f"PixelPadding{name}") for name in ("Value", "RangeLimit")]
    low, high = ends[0], ends[0] if ends[1] is None else ends[1]
    if low is None or high is None:
        return values, 0
    padded = (stored >= min(low, high)) & (stored <= max(low, high))
    n = int(padded.sum())
    if n in (0, padded.size):
        return values, 0
    real = values[~padded]
    bottom, top = float(real.min()), float(real.max())
    margin = _APART * (top - bottom)
    filling = values[padded]
    if bottom - margin <= filling.min() and filling.max() <= top + margin:
        return values, 0
    return np.where(padded, top if is_negative else bottom, values), n


def _stored_value(dataset: Dataset, keyword: str) -> int | None:
    """Return the value as the pixels have it: its VR often says unsigned where they are not."""
    found = numbers(dataset, keyword, 1)
    if found is None:
        return None
    value, bits = int(found[0]), int(dataset.get("BitsAllocated") or 16)
    signed = dataset.get("PixelRepresentation") == 1
    return value - (1 << bits) if signed and value >= 1 << (bits - 1) else value
