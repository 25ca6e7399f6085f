"""How a slice of a scan lies on the screen: which axis runs where, and the letters at its edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medsiam.scans.scan import Scan

PlaneName = Literal["axial", "coronal", "sagittal", "as stored"]

_OPPOSITE = {"L": "R", "R": "L", "A": "P", "P": "A", "S": "I", "I": "S"}
_BODY_AXIS = {"L": "LR", "R": "LR", "A": "AP", "P": "AP", "S": "IS", "I": "IS"}
_ACROSS: dict[str, PlaneName] = {"IS": "axial", "AP": "coronal", "LR": "sagittal"}
# Slices run from feet to head, from front to back, from the patient's right to his left.
_LAST_SLICE = {"IS": "S", "AP": "P", "LR": "L"}
_ON_SCREEN = {"S": "H", "I": "F"}  # head and feet, as on a scanner's screen
_CLEARLY_THICKER = 1.5


@dataclass(frozen=True)
class Plane:
    """Where the stored axes of one slice go on the screen.

    Attributes:
        axis: the stored axis that the slice lies across.
        name: "axial", "coronal", "sagittal"; "as stored" where the orientation is unknown.
        columns, rows: stored axes that run along the screen's columns and rows.
        flip_columns, flip_rows: whether these are turned round.
        flip_slices: whether the slices are, so that they run from feet to head (axial), front to
            back (coronal) or right to left (sagittal).
        letters: the patient's side at the left, right, top and bottom edge, from R L A P H F;
            None where unknown.
    """

    axis: int
    name: PlaneName
    columns: int
    rows: int
    flip_columns: bool = False
    flip_rows: bool = False
    flip_slices: bool = False
    letters: tuple[str, str, str, str] | None = None


def plane_of(scan: Scan, axis: int = 2) -> Plane:
    """Find how a slice across a stored axis is shown, as radiologists are used to.

    Axial: the patient's right on the left, front up. Coronal: right on the left, head up.
    Sagittal: front on the left, head up. Oblique slices as the nearest of these; an unknown
    orientation as stored.

    Args:
        scan: a volume, or an image (for which `axis` must be 2).
        axis: 0, 1 or 2.
    """
    first, second = (other for other in range(3) if other != axis)
    codes = scan.orientation
    if codes is None:
        return Plane(axis, "as stored", columns=first, rows=second)
    kinds = {other: _BODY_AXIS[codes[other]] for other in (first, second)}
    across = ({"LR", "AP", "IS"} - set(kinds.values())).pop()
    leading = "LR" if across != "LR" else "AP"
    columns, rows = (first, second) if kinds[first] == leading else (second, first)
    right = "L" if leading == "LR" else "P"
    down = "P" if across == "IS" else "I"
    edges = (_OPPOSITE[right], right, _OPPOSITE[down], down)
    left_letter, right_letter, top, bottom = (_ON_SCREEN.get(edge, edge) for edge in edges)
    return Plane(
        axis,
        _ACROSS[across],
        columns=columns,
        rows=rows,
        flip_columns=codes[columns] != right,
        flip_rows=codes[rows] != down,
        flip_slices=scan.spatial_dims == 3 and codes[axis] != _LAST_SLICE[across],
        letters=(left_letter, right_letter, top, bottom),
    )


def axis_of(scan: Scan, name: PlaneName) -> int | None:
    """The stored axis across which the slices of this plane lie; None where not known."""
    if scan.spatial_dims == 2:
        return 2 if plane_of(scan).name == name else None
    return next((axis for axis in (2, 1, 0) if plane_of(scan, axis).name == name), None)


def main_axis(scan: Scan) -> int:
    """The stored axis to show a scan across: that of thick slices, else the axial one, else 2."""
    if scan.spatial_dims == 2:
        return 2
    if scan.spacing is not None:
        *_, second, thickest = sorted(scan.spacing)
        if thickest >= _CLEARLY_THICKER * second:
            return scan.spacing.index(thickest)
    axial = axis_of(scan, "axial")
    return 2 if axial is None else axial
