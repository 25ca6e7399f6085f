"""Where slices lie: affines in mm to RAS+, the order of slices, gaps between them.

DICOM PS3.3 C.7.6.2.1.1. DICOM counts in LPS+ (left, posterior, superior); RAS+ turns the first two
axes round.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_RIGHT_ANGLE = 2e-2  # how far two directions may be from unit length and right angles
_SAME_DIRECTION = 1e-3
_SAME_SPACING = 1e-3  # relative
_SAME_POSITION = 0.1  # of a pixel
_UNEVEN = 0.01  # of the distance between slices
_ROUNDING = 0.045  # mm; positions are often written with two decimals
_SIDEWAYS = 0.1  # of a pixel
_MISSING = 0.05  # how far a gap of missing slices may be from a whole number of steps
_NAMED = 8  # gaps named in a message


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
    x = x / np.linalg.norm(x)  # some files give two decimals
    y = y - (x @ y) * x
    return Plane(triple(position), triple(x), triple(y / np.linalg.norm(y)), spacing)


def triple(values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float, float]:
    """Return three numbers as a tuple of plain ones."""
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
    at = heights(planes)
    return sorted(range(len(planes)), key=lambda i: (at[i], i))


def positions(planes: Sequence[Plane]) -> list[int]:
    """Return a number for each of parallel slices; slices at the same position share it."""
    order = slice_order(planes)
    tolerance = _SAME_POSITION * min(planes[0].spacing)
    found = [0] * len(planes)
    for before, after in itertools.pairwise(order):
        apart = math.dist(planes[before].position, planes[after].position) > tolerance
        found[after] = found[before] + apart
    return found


@dataclass(frozen=True)
class Unevenness:
    """What keeps ordered slices from being one even volume.

    Attributes:
        code: key of `medsiam.scans.FAULTS`.
        what: what was seen, slice by slice.
        usual: mm between most slices.
        widest: the widest gap, in usual distances; infinite where filling gaps mends nothing.
    """

    code: str
    what: str
    usual: float = 0.0
    widest: float = math.inf


def unevenness(ordered: Sequence[Plane]) -> Unevenness | None:
    """Return what keeps at least two ordered slices from being one even volume, or None."""
    gaps = np.diff(heights(ordered))
    n_positions = max(positions(ordered)) + 1
    if n_positions < len(ordered):
        what = f"{len(ordered)} slices lie at {n_positions} positions"
        even = len(ordered) % n_positions == 0
        return Unevenness("several_time_points" if even else "repeated_positions", what)
    aside = _sideways(ordered)
    if aside > _SIDEWAYS * min(ordered[0].spacing):
        what = f"slices are shifted sideways by up to {aside:.3g} mm"
        if math.isinf(aside):
            what = f"{len(ordered)} slices lie side by side"
        return Unevenness("misaligned_slices", what)
    usual = float(np.median(gaps))
    odd = np.flatnonzero(abs(gaps - usual) > max(_UNEVEN * usual, min(_ROUNDING, usual / 4)))
    if not odd.size:
        return None
    named = ", ".join(f"{i + 1} and {i + 2} ({gaps[i]:.3g} mm)" for i in odd[:_NAMED])
    more = f" and {odd.size - _NAMED} more" if odd.size > _NAMED else ""
    steps = gaps[odd] / usual
    missing = (steps > 1.5) & (abs(steps - np.round(steps)) < _MISSING)
    return Unevenness(
        "missing_slices" if missing.all() else "uneven_slices",
        f"{len(ordered)} slices, usually {usual:.3g} mm apart, but not between {named}{more}",
        usual,
        float(gaps.max()) / usual,
    )


def tilt(ordered: Sequence[Plane]) -> float:
    """Return the angle in degrees between the slice normal and the line of slice positions."""
    step = np.asarray(ordered[-1].position) - np.asarray(ordered[0].position)
    cosine = float(step @ ordered[0].normal / np.linalg.norm(step))
    return math.degrees(math.acos(min(1.0, abs(cosine))))


def heights(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """Return the position of each slice along the normal of the first, in mm."""
    at = np.asarray([plane.position for plane in planes])
    return np.asarray(at @ planes[0].normal, dtype=np.float64)


def _sideways(ordered: Sequence[Plane]) -> float:
    """Largest distance of a slice's position from the straight line of positions, in mm."""
    at = np.asarray([plane.position for plane in ordered])
    high = heights(ordered)
    if high[-1] == high[0]:
        return math.inf
    share = ((high - high[0]) / (high[-1] - high[0]))[:, None]
    off = at - (at[0] + share * (at[-1] - at[0]))
    off -= np.outer(off @ ordered[0].normal, ordered[0].normal)
    return float(np.linalg.norm(off, axis=1).max())
