"""From the grid that an encoder sees back to the scan's own voxels, for maps that explain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WHOLE = 1e-6  # of a voxel


def to_scan_grid(
    values: NDArray[np.floating], to_values: NDArray[np.float64], shape: Sequence[int]
) -> NDArray[np.float32]:
    """Spread an encoder's map over the voxels of the scan, so that its sum stays what it is.

    Every step of a recipe moves along the axes of the image (turned, resampled, cut, padded), so
    one matrix per axis brings a map back. Linear between the map's voxels, averaged where those of
    the scan are larger; 0 where the encoder does not look.

    Args:
        values: the map on the encoder's grid.
        to_values: from voxels of the scan to voxels of the map, see `prepare_placed`.
        shape: of the scan, in space.

    Returns:
        `shape`; what lies in padding is lost.
    """
    dims = len(shape)
    partner = [int(np.abs(to_values[:dims, axis]).argmax()) for axis in range(dims)]
    spread = np.transpose(values, partner).astype(np.float64)
    for axis, (n, other) in enumerate(zip(shape, partner, strict=True)):
        step, first = to_values[other, axis], to_values[other, -1]
        places = first + step * np.arange(n)
        weights = _weights(places, spread.shape[axis], width=max(abs(step), 1.0)) * abs(step)
        spread = np.moveaxis(np.tensordot(weights, spread, axes=(1, axis)), 0, axis)
    return spread.astype(np.float32)


def field_of_view(
    size: Sequence[int], to_values: NDArray[np.float64], shape: Sequence[int]
) -> NDArray[np.bool_]:
    """Which voxels of a scan of this shape lie in the encoder's field of `size` voxels."""
    dims = len(shape)
    seen = np.ones(tuple(shape), dtype=bool)
    for axis, n in enumerate(shape):
        other = int(np.abs(to_values[:dims, axis]).argmax())
        places = to_values[other, -1] + to_values[other, axis] * np.arange(n)
        seen &= _inside(places, size[other]).reshape([-1 if a == axis else 1 for a in range(dims)])
    return seen


def _weights(places: NDArray[np.float64], n: int, *, width: float) -> NDArray[np.float64]:
    """(len(places), n): rows sum to 1, or are 0 outside."""
    inside = np.clip(places, 0, n - 1)
    weights = np.clip(1 - np.abs(inside[:, None] - np.arange(n)) / width, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights * _inside(places, n)[:, None])


def _inside(places: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    return np.asarray((places > -0.5 - _WHOLE) & (places < n - 0.5 + _WHOLE))
