"""Ceilings on size, checked against the header before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from medsiam.scans.faults import fault

MAX_VOXELS = 512_000_000
MAX_SIDE = 16_384
MAX_INFLATED = 256 << 20  # bytes of a deflated DICOM data set
MAX_FILE = 4 << 30  # bytes of a DICOM file
MAX_NESTING = 64  # sequences within sequences
MAX_PARTS = 10_000  # volumes, frames or pages of one file
MAX_VOXELS_OF_ALL_PARTS = 4_096_000_000
MAX_PICTURE_RATIO = 1_000  # decoded to encoded, of a compressed picture beyond 64 MB
MAX_RATIO = 200  # unpacked to packed, where much is unpacked; scans stay far below


def check_size(path: Path, shape: Sequence[int]) -> None:
    """Refuse a shape beyond the ceilings.

    Args:
        path: the file the shape was read from.
        shape: values along each axis; the first two are columns and rows.

    Raises:
        ScanError: `too_large`.
    """
    size = " x ".join(str(n) for n in shape)
    if max(shape[:2]) > MAX_SIDE:
        raise fault("too_large", path, f"{size} values; at most {MAX_SIDE} along a side")
    if math.prod(shape) > MAX_VOXELS:
        what = f"{size} values; at most {MAX_VOXELS // 1_000_000} million"
        raise fault("too_large", path, what)


def check_parts(path: Path, parts: int, voxels: int) -> None:
    """Refuse too many parts of one file, or parts that are too large together.

    Args:
        path: the file.
        parts: how many volumes, frames or pages it promises.
        voxels: values in one of them.

    Raises:
        ScanError: `too_large`.
    """
    if parts > MAX_PARTS:
        raise fault("too_large", path, f"it holds {parts} parts; at most {MAX_PARTS}")
    if parts * voxels > MAX_VOXELS_OF_ALL_PARTS:
        most = MAX_VOXELS_OF_ALL_PARTS // 1_000_000
        what = f"{parts} parts of {voxels} values; at most {most} million together"
        raise fault("too_large", path, what)
