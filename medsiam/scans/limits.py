"""Ceilings on size, checked against the header before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from medsiam.scans.faults import fault

MAX_VOXELS = 512_000_000
MAX_SIDE = 16_384


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
