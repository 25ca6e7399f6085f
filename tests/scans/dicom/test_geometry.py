from __future__ import annotations

import math

import numpy as np
import pytest
from nibabel.orientations import aff2axcodes

from medsiam.scans.dicom.geometry import (
    Plane,
    make_plane,
    positions,
    same_direction,
    same_spacing,
    slice_affine,
    slice_order,
    stack_affine,
    tilt,
    unevenness,
)

AXIAL = (1, 0, 0, 0, 1, 0)


def plane(position=(0, 0, 0), orientation=AXIAL, spacing=(1.0, 1.0)) -> Plane:
    made = make_plane(position, orientation, spacing)
    assert made is not None
    return made


def oblique(angle=0.3):
    c, s = math.cos(angle), math.sin(angle)
    return (c, s, 0, -s * c, c * c, s)


def where(p: Plane, column: int, row: int) -> list[float]:
    """PS3.3 equation C.7.6.2.1-1 written out, then LPS to RAS."""
    lps = [
        p.position[i]
        + p.x_direction[i] * p.spacing[0] * column
        + p.y_direction[i] * p.spacing[1] * row
        for i in range(3)
    ]
    return [-lps[0], -lps[1], lps[2]]


def test_affine_of_a_slice_is_the_equation_of_the_standard():
    tilted = plane((10, -20, 30), oblique(), (0.5, 0.8))
    affine = slice_affine(tilted, 3.0)
    for column, row in [(0, 0), (7, 0), (0, 5), (11, 13)]:
        assert affine @ [column, row, 0, 1] == pytest.approx([*where(tilted, column, row), 1])
    assert np.linalg.norm(affine[:3, 2]) == pytest.approx(3.0)
    assert affine[:3, 2] @ affine[:3, 0] == pytest.approx(0)
    assert affine[:3, 2] @ affine[:3, 1] == pytest.approx(0, abs=1e-9)


def test_unknown_thickness_gives_the_direction_alone():
    assert np.linalg.norm(slice_affine(plane(), None)[:3, 2]) == 1


def test_affine_of_a_stack_puts_every_slice_where_it_lies():
    step = plane(orientation=oblique()).normal * 2.5
    planes = [plane(np.asarray([1, 2, 3]) + k * step, oblique(), (0.5, 0.8)) for k in range(4)]
    affine = stack_affine(planes)
    for k, one in enumerate(planes):
        assert affine @ [3, 4, k, 1] == pytest.approx([*where(one, 3, 4), 1])


@pytest.mark.parametrize(
    ("orientation", "letters"),
    [
        ((1, 0, 0, 0, 1, 0), "LPS"),  # axial, head first supine
        ((-1, 0, 0, 0, -1, 0), "RAS"),  # axial, head first prone
        ((0, 1, 0, -1, 0, 0), "PRS"),  # axial, decubitus
        ((0, 1, 0, 0, 0, -1), "PIR"),  # sagittal
        ((1, 0, 0, 0, 0, -1), "LIP"),  # coronal
    ],
)
def test_letters(orientation, letters):
    affine = slice_affine(plane(orientation=orientation), None)
    assert "".join(aff2axcodes(affine)) == letters


@pytest.mark.parametrize(
    ("position", "orientation", "spacing"),
    [
        (None, AXIAL, (1.0, 1.0)),
        ((0, 0, 0), None, (1.0, 1.0)),
        ((0, 0, 0), AXIAL, None),
        ((0, 0, 0), (1, 0, 0, 1, 0, 0), (1.0, 1.0)),
        ((0, 0, 0), (0, 0, 0, 0, 0, 0), (1.0, 1.0)),
        ((0, 0, 0), (2, 0, 0, 0, 1, 0), (1.0, 1.0)),
        ((0, 0, 0), (1, 0, 0, 0.1, 0.995, 0), (1.0, 1.0)),
    ],
)
def test_a_plane_is_never_invented(position, orientation, spacing):
    assert make_plane(position, orientation, spacing) is None


def test_order_follows_the_normal_whatever_the_direction():
    normal = plane(orientation=oblique()).normal
    places = [3, 0, 2, 1]
    planes = [plane(normal * place, oblique()) for place in places]
    assert [places[i] for i in slice_order(planes)] == [0, 1, 2, 3]


def stack(*heights, spacing=(1.0, 1.0)):
    return [plane((0, 0, z), spacing=spacing) for z in heights]


@pytest.mark.parametrize(
    "heights",
    [
        (0, 2),
        (0, 2, 4, 6),
        (0, 2, 4.009, 6),
        (-1.5, -1, -0.5),
        (0, 0.02, 0.04),
        [round(0.625 * k, 2) for k in range(9)],  # two decimals
        (0, 3.02, 5.98, 9.01, 12),
    ],
)
def test_even_stacks_have_no_fault(heights):
    assert unevenness(stack(*heights, spacing=(0.1, 0.1))) is None


@pytest.mark.parametrize(
    ("heights", "code", "said"),
    [
        ((0, 2, 4, 8), "missing_slices", "between 3 and 4 (4 mm)"),
        ((0, 2, 4, 6.05, 8), "uneven_slices", "usually"),
        ((0, 2, 4, 7), "uneven_slices", "between 3 and 4 (3 mm)"),
        ((0, 1, 2, 2), "repeated_positions", "4 slices lie at 3 positions"),
        ((0, 0, 2, 2), "several_time_points", "4 slices lie at 2 positions"),
        ((0, 0), "several_time_points", "2 slices lie at 1 positions"),
        ((0, 1, 2, 4, 5, 7, 8, 10, 11, 13), "missing_slices", "9 and 10 (2 mm)"),
        ([*range(40), *range(42, 60, 2)], "missing_slices", "and 1 more"),
    ],
)
def test_what_bends_a_volume_is_named(heights, code, said):
    found = unevenness(stack(*heights))
    assert found is not None
    assert found.code == code
    assert said in found.what


def test_a_slice_shifted_sideways_is_found_and_an_even_shear_is_not():
    straight = [plane((0, 0.5 * k, 2 * k)) for k in range(5)]
    assert unevenness(straight) is None
    assert tilt(straight) == pytest.approx(math.degrees(math.atan(0.25)))
    assert tilt(stack(0, 1, 2)) == pytest.approx(0)
    bent = [*straight[:2], plane((0.3, 1, 4)), *straight[3:]]
    found = unevenness(bent)
    assert found is not None
    assert found.code == "misaligned_slices"
    assert "0.3 mm" in found.what


def test_direction_and_spacing_have_a_tolerance():
    assert same_direction(plane(), plane((5, 5, 5), (1, 1e-5, 0, -1e-5, 1, 0)))
    assert not same_direction(plane(), plane(orientation=(-1, 0, 0, 0, -1, 0)))
    assert not same_direction(plane(), plane(orientation=oblique(0.01)))
    assert same_spacing(plane(), plane(spacing=(1.0001, 1.0)))
    assert not same_spacing(plane(), plane(spacing=(1.0, 1.01)))


def test_positions_are_numbered_from_below_and_shared_by_copies():
    assert positions(stack(4, 0, 4.001, 2)) == [2, 0, 2, 1]
    beside = [plane((0, 0, 0)), plane((30, 0, 0)), plane((0, 0, 1))]
    assert positions(beside) == [0, 1, 2]


def test_slices_side_by_side_are_no_time_points():
    beside = [plane((x, 0, z)) for z in (0, 1, 2) for x in (0, 30)]
    found = unevenness(beside)
    assert found is not None
    assert found.code == "misaligned_slices"


def test_a_gap_in_a_tilted_stack_is_a_gap_and_no_shift():
    tilted = [plane((0, 0.5 * k, 2 * k)) for k in (0, 1, 2, 4, 5)]
    found = unevenness(tilted)
    assert found is not None
    assert found.code == "missing_slices"


def test_directions_with_two_decimals_are_made_unit_vectors_at_right_angles():
    made = plane(orientation=(0.7, 0.71, 0, -0.71, 0.7, 0))
    assert np.linalg.norm(slice_affine(made, 1)[:3, :2], axis=0) == pytest.approx([1, 1])
    assert np.dot(made.x_direction, made.y_direction) == pytest.approx(0)


def test_slices_side_by_side_have_a_name_of_their_own():
    found = unevenness([plane((0, 0, 0)), plane((30, 0, 0))])
    assert found is not None
    assert found.what == "2 slices lie side by side"
