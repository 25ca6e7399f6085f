"""Which side of the patient lies where on the screen, worked out from voxel positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from nibabel.affines import apply_affine

from medsiam.reports.planes import axis_of, main_axis, plane_of
from medsiam.scans.scan import Scan

SHAPE = (4, 5, 6)
STEPS = {  # RAS+
    "R": (1, 0, 0),
    "L": (-1, 0, 0),
    "A": (0, 1, 0),
    "P": (0, -1, 0),
    "S": (0, 0, 1),
    "I": (0, 0, -1),
}
ALL_ORIENTATIONS = [
    "".join(letters)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*order)
]


def affine_of(codes: str) -> np.ndarray:
    """An affine whose voxel axes run to these sides."""
    affine = np.eye(4)
    affine[:3, :3] = np.stack([STEPS[letter] for letter in codes], axis=1)
    return affine


def volume(codes: str | None, spacing=None) -> Scan:
    affine = None if codes is None else affine_of(codes)
    return Scan(array=np.zeros(SHAPE, np.float32), spatial_dims=3, affine=affine, spacing=spacing)


def side_of(affine, axis: int, *, reverse: bool) -> str:
    """The letter a stored axis runs to, from the positions of two voxels in mm."""
    step = np.zeros(3)
    step[axis] = -1 if reverse else 1
    move = apply_affine(affine, step) - apply_affine(affine, np.zeros(3))
    body = int(np.abs(move).argmax())
    return ("RL", "AP", "HF")[body][0 if move[body] > 0 else 1]


WANTED = {
    "axial": ("R", "L", "A", "P"),
    "coronal": ("R", "L", "H", "F"),
    "sagittal": ("A", "P", "H", "F"),
}


def test_there_are_48_orientations():
    assert len(set(ALL_ORIENTATIONS)) == 48


@pytest.mark.parametrize("codes", ALL_ORIENTATIONS)
def test_every_plane_of_every_orientation_is_shown_as_radiologists_know_it(codes):
    scan = volume(codes)
    names = []
    for axis in range(3):
        plane = plane_of(scan, axis)
        names.append(plane.name)
        left, right, top, bottom = WANTED[plane.name]
        assert plane.letters == (left, right, top, bottom)
        assert side_of(scan.affine, plane.columns, reverse=plane.flip_columns) == right
        assert side_of(scan.affine, plane.rows, reverse=plane.flip_rows) == bottom
        last = {"axial": "H", "coronal": "P", "sagittal": "L"}[plane.name]
        assert side_of(scan.affine, axis, reverse=plane.flip_slices) == last
        assert {plane.axis, plane.columns, plane.rows} == {0, 1, 2}
        assert axis_of(scan, plane.name) == axis
    assert sorted(names) == ["axial", "coronal", "sagittal"]


def test_unknown_orientation_is_shown_as_stored():
    plane = plane_of(volume(None), 1)
    assert (plane.name, plane.columns, plane.rows, plane.letters) == ("as stored", 0, 2, None)
    assert (plane.flip_columns, plane.flip_rows, plane.flip_slices) == (False, False, False)
    assert axis_of(volume(None), "axial") is None
    assert axis_of(volume(None), "as stored") == 2


def test_an_image_with_known_orientation():
    scan = Scan(array=np.zeros((4, 5), np.float32), spatial_dims=2, affine=affine_of("PIR"))
    plane = plane_of(scan)
    assert plane.name == "sagittal"
    assert plane.letters == ("A", "P", "H", "F")
    assert (plane.flip_columns, plane.flip_rows, plane.flip_slices) == (False, False, False)
    assert axis_of(scan, "sagittal") == 2
    assert axis_of(scan, "axial") is None
    assert main_axis(scan) == 2


@pytest.mark.parametrize(
    ("codes", "spacing", "expected"),
    [
        ("LPS", (1.0, 1.0, 5.0), 2),
        ("PIR", (0.5, 0.5, 4.0), 2),  # thick sagittal slices: as acquired
        ("PSR", (1.0, 1.0, 1.1), 1),  # even voxels: axial
        ("LPS", None, 2),
        (None, (5.0, 1.0, 1.0), 0),
        (None, None, 2),
        (None, (1.0, 5.0, 5.0), 2),  # no single thick axis
    ],
)
def test_the_axis_to_show_a_scan_across(codes, spacing, expected):
    assert main_axis(volume(codes, spacing)) == expected
