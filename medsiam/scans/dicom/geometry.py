"""Where slices lie: affines in mm to RAS+, the order of slices, gaps between them.

DICOM PS3.3 C.7.6.2.1.1. DICOM counts in LPS+ (left, posterior, superior); RAS+ turns the first two
axes round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_RIGHT_ANGLE = 1e-2  # how far two directions may be from unit length and right angles
_SAME_DIRECTION = 1e-3
_SAME_SPACING = 1e-3  # relative
_SAME_POSITION = 1e-2  # of a pixel
_UNEVEN = 0.01  # of the distance between slices
_SIDEWAYS = 0.1  # of a pixel


@dataclass(frozen=True)
class Plane:
    """Position and direction of one slice, in mm, LPS+.

    Attributes:
        position: centre of the first voxel (ImagePositionPatient).
        x_direction: direction of increasing column index (first half of ImageOrientationPatient).
        y_direction: direction of increasing row index (second half).
        spacing: mm between columns, mm between rows (PixelSpacing turned round).
    """

    position: tuple[float, float, float]
    x_direction: tuple[float, float, float]
    y_direction: tuple[float, float, float]
    spacing: tuple[float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector of the direction in which slices are stacked."""
        cross = np.cross(self.x_direction, self.y_direction)
        return np.asarray(cross / np.linalg.norm(cross), dtype=np.float64)


def make_plane(
    position: Sequence[float] | None,
    orientation: Sequence[float] | None,
    spacing: tuple[float, float] | None,
) -> Plane | None:
    """Return the plane, or None where a part is missing or the directions make no right angle."""
    if position is None or orientation is None or spacing is None:
        return None
    x, y = np.asarray(orientation[:3]), np.asarray(orientation[3:])
    off = (np.linalg.norm(x) - 1, np.linalg.norm(y) - 1, x @ y)
    if np.abs(off).max() > _RIGHT_ANGLE:
        return None
    return Plane(_triple(position), _triple(orientation[:3]), _triple(orientation[3:]), spacing)


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    a, b, c = values
    return float(a), float(b), float(c)


def slice_affine(plane: Plane, thickness: float | None) -> NDArray[np.float64]:
    """Return the (4, 4) affine of one slice, voxel (x, y, 0) to mm RAS+.

    The third column is the normal times `thickness`, or times 1 mm where that is unknown: for one
    slice only its direction has a meaning.
    """
    return _affine(plane, plane.normal * (thickness or 1.0))


def stack_affine(ordered: Sequence[Plane]) -> NDArray[np.float64]:
    """Return the (4, 4) affine of a stack of at least two slices, voxel to mm RAS+.

    The third column is the mean step from slice to slice, so that a stack whose slices shift
    evenly sideways (gantry tilt) gets the sheared affine that it has.
    """
    first, last = np.asarray(ordered[0].position), np.asarray(ordered[-1].position)
    return _affine(ordered[0], (last - first) / (len(ordered) - 1))


def _affine(plane: Plane, step: NDArray[np.float64]) -> NDArray[np.float64]:
    lps = np.eye(4)
    lps[:3, 0] = np.asarray(plane.x_direction) * plane.spacing[0]
    lps[:3, 1] = np.asarray(plane.y_direction) * plane.spacing[1]
    lps[:3, 2] = step
    lps[:3, 3] = plane.position
    return np.asarray(_LPS_TO_RAS @ lps, dtype=np.float64)


def same_direction(a: Plane, b: Plane) -> bool:
    """Return True where both slices lie in parallel planes, turned the same way."""
    return math.dist(a.x_direction + a.y_direction, b.x_direction + b.y_direction) < _SAME_DIRECTION


def same_spacing(a: Plane, b: Plane) -> bool:
    """Return True where both slices have the same mm between pixels."""
    return all(
        math.isclose(p, q, rel_tol=_SAME_SPACING) for p, q in zip(a.spacing, b.spacing, strict=True)
    )


def slice_order(planes: Sequence[Plane]) -> list[int]:
    """Return the indices that put parallel slices in order along their normal."""
    heights = _heights(planes)
    return sorted(range(len(planes)), key=lambda i: (heights[i], i))


def stack_fault(ordered: Sequence[Plane]) -> tuple[str, str] | None:
    """Return (code, what) of what keeps ordered slices from being one even volume, or None."""
    heights = _heights(ordered)
    gaps = np.diff(heights)
    if gaps.min() <= _SAME_POSITION * min(ordered[0].spacing):
        positions = 1 + int((gaps > _SAME_POSITION * min(ordered[0].spacing)).sum())
        return "several_time_points", f"{len(ordered)} slices lie at {positions} positions"
    usual = float(np.median(gaps))
    uneven = np.flatnonzero(abs(gaps - usual) > _UNEVEN * usual)
    if uneven.size:
        named = ", ".join(f"{i + 1} and {i + 2} ({gaps[i]:.3g} mm)" for i in uneven[:3])
        more = f" and {uneven.size - 3} more" if uneven.size > 3 else ""
        return (
            "missing_slices",
            f"{len(ordered)} slices, usually {usual:.3g} mm apart, but not between {named}{more}",
        )
    if (aside := _sideways(ordered)) > _SIDEWAYS * min(ordered[0].spacing):
        return "misaligned_slices", f"slices are shifted sideways by up to {aside:.3g} mm"
    return None


def tilt(ordered: Sequence[Plane]) -> float:
    """Return the angle in degrees between the slice normal and the line of slice positions."""
    step = np.asarray(ordered[-1].position) - np.asarray(ordered[0].position)
    cosine = float(step @ ordered[0].normal / np.linalg.norm(step))
    return math.degrees(math.acos(min(1.0, abs(cosine))))


def _heights(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """Position of each slice along the normal of the first, in mm."""
    positions = np.asarray([plane.position for plane in planes])
    return np.asarray(positions @ planes[0].normal, dtype=np.float64)


def _sideways(ordered: Sequence[Plane]) -> float:
    """Largest distance of a slice's position from the straight line of positions, in mm."""
    positions = np.asarray([plane.position for plane in ordered])
    share = np.linspace(0.0, 1.0, len(ordered))[:, None]
    straight = positions[0] + share * (positions[-1] - positions[0])
    off = positions - straight
    off -= np.outer(off @ ordered[0].normal, ordered[0].normal)
    return float(np.linalg.norm(off, axis=1).max())
