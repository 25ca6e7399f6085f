"""Unevenly spaced slices -> evenly spaced ones, by interpolation between neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.dicom.geometry import Plane, heights, triple
from medsiam.scans.limits import check_size


def resampled(
    block: NDArray[np.float32], ordered: Sequence[Plane], step: float, path: Path
) -> tuple[NDArray[np.float32], list[Plane], str]:
    """Return slices at even steps from the first to the last, their planes, and what was done.

    Args:
        block: (slices, rows, columns, ...), in order.
        ordered: their planes; their positions lie on one line.
        step: mm between slices that is aimed at; the nearest that divides the whole is taken.
        path: for messages.

    Raises:
        ScanError: `too_large`.
    """
    at = heights(ordered)
    n = round(float(at[-1] - at[0]) / step) + 1
    check_size(path, (block.shape[2], block.shape[1], n))
    wanted = np.linspace(at[0], at[-1], n)
    upper = np.searchsorted(at, wanted).clip(1, len(at) - 1)
    share = (wanted - at[upper - 1]) / (at[upper] - at[upper - 1])
    even = np.empty((n, *block.shape[1:]), np.float32)
    first = np.asarray(ordered[0].position)
    way = np.asarray(ordered[-1].position) - first
    planes = []
    for k, (above, part) in enumerate(zip(upper, share, strict=True)):
        even[k] = (1 - part) * block[above - 1] + part * block[above]
        planes.append(replace(ordered[0], position=triple(first + way * (k / (n - 1)))))
    mm = (at[-1] - at[0]) / (n - 1)
    return even, planes, f"interpolated to {n} slices {mm:.4g} mm apart"
