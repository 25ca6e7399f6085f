from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.dicom.assemble import Stack, slice_scan
from medsiam.scans.dicom.geometry import make_plane
from medsiam.scans.dicom.header import Header, header_of
from medsiam.scans.dicom.pixels import Picture, Window
from medsiam.scans.faults import warning
from tests.scans.written import dataset, head_of

PATH = Path("series")


@pytest.fixture
def header() -> Header:
    return header_of(head_of(dataset(np.zeros((3, 4), np.uint16))), PATH)


def planes(*positions):
    return [make_plane(p, (1, 0, 0, 0, 1, 0), (1.0, 1.0)) for p in positions]


def grey(value, *, window=None, pivot=None, padding=0):
    windows = (Window("", *window),) if window else ()
    return Picture(np.full((4, 3), value, np.float32), windows, pivot, padding)


ODD = warning("odd_header", "odd")


def volume(header, placed, decoded, **how):
    stack = Stack(header, len(placed), PATH)
    for picture, plane in zip(decoded, placed, strict=True):
        stack.add(picture, plane)
    return stack.scan(sources=(PATH,), warnings=(ODD,), **how)


def test_pictures_go_where_their_planes_lie(header):
    scan = volume(header, planes((0, 0, 4), (0, 0, 0), (0, 0, 2)), [grey(4), grey(0), grey(2)])
    assert scan.array.shape == (4, 3, 3)
    assert scan.array[0, 0].tolist() == [0, 2, 4]
    assert scan.spacing == (1, 1, 2)
    assert scan.warnings == (ODD,)
    assert scan.sources == (PATH,)


def test_the_middle_slice_gives_the_window(header):
    decoded = [grey(k, window=(k, 1)) for k in (2, 0, 1)]
    scan = volume(header, planes((0, 0, 2), (0, 0, 0), (0, 0, 1)), decoded)
    assert scan.window == (1, 1)


def test_monochrome1_slices_are_turned_round_together(header):
    """Slices with slopes of their own (PET) keep their relation to each other."""
    decoded = [grey(10, window=(10, 4), pivot=100), grey(30, window=(30, 4), pivot=200)]
    scan = volume(header, planes((0, 0, 0), (0, 0, 1)), decoded)
    assert scan.array[0, 0].tolist() == [190, 170]
    assert scan.window == (170, 4)


def test_a_tilted_gantry_gives_a_sheared_affine_and_is_said(header):
    scan = volume(header, planes((0, 0, 0), (0, 1, 2), (0, 2, 4)), [grey(0)] * 3)
    np.testing.assert_allclose(scan.affine[:3, 2], [0, -1, 2])
    assert scan.spacing[2] == pytest.approx(5**0.5)
    assert "26.6 degrees" in scan.warnings[1]


def test_colour_volumes_keep_their_colours_last(header):
    colour = replace(header, samples=3)
    reds = [Picture(np.full((4, 3, 3), (k, 0, 9), np.float32), (), None) for k in (1, 2)]
    scan = volume(colour, planes((0, 0, 1), (0, 0, 0)), reds)
    assert scan.array.shape == (4, 3, 2, 3)
    assert scan.array[1, 1].tolist() == [[2, 0, 9], [1, 0, 9]]
    assert (scan.spatial_dims, scan.n_channels) == (3, 3)


def test_the_ceiling_counts_all_slices_before_any_is_decoded(header):
    large = replace(header, columns=16_000, rows=16_000)
    with pytest.raises(ScanError) as caught:
        Stack(large, 3, PATH)
    assert caught.value.code == "too_large"


def test_a_picture_of_another_size_does_not_fit(header):
    stack = Stack(header, 2, PATH)
    with pytest.raises(ScanError) as caught:
        stack.add(Picture(np.zeros((4, 4), np.float32), (), None), planes((0, 0, 0))[0])
    assert caught.value.code == "mixed_matrix"


GAPPY = [(0, 0, 0), (0, 0, 1), (0, 0, 3), (0, 0, 4)]


def test_a_gap_is_refused_and_named(header):
    with pytest.raises(ScanError, match=r"between 2 and 3 \(2 mm\)") as caught:
        volume(header, planes(*GAPPY), [grey(0)] * 4)
    assert caught.value.code == "missing_slices"


def test_a_gap_is_filled_where_that_is_allowed_and_said(header):
    decoded = [grey(k) for k in (10, 20, 40, 70)]
    scan = volume(header, planes(*GAPPY), decoded, allow_resample=True)
    assert scan.array[0, 0].tolist() == [10, 20, 30, 40, 70]
    assert scan.spacing == (1, 1, 1)
    assert scan.warnings[1].code == "resampled"
    assert "between 2 and 3 (2 mm)" in scan.warnings[1]


def test_a_wide_gap_is_never_filled(header):
    placed = planes(*((0, 0, z) for z in (0, 1, 2, 30, 31, 32)))
    with pytest.raises(ScanError) as caught:
        volume(header, placed, [grey(0)] * 6, allow_resample=True)
    assert caught.value.code == "missing_slices"


def test_time_points_are_never_resampled_away(header):
    placed = planes((0, 0, 0), (0, 0, 0), (0, 0, 1), (0, 0, 1))
    with pytest.raises(ScanError) as caught:
        volume(header, placed, [grey(0)] * 4, allow_resample=True)
    assert caught.value.code == "several_time_points"


def test_gaps_wider_than_the_slices_are_said(header):
    scan = volume(replace(header, thickness=2), planes((0, 0, 0), (0, 0, 6)), [grey(0)] * 2)
    assert scan.warnings[1].code == "slice_gap"
    assert "6 mm apart and are 2 mm thick" in scan.warnings[1]
    scan = volume(replace(header, thickness=5), planes((0, 0, 0), (0, 0, 6)), [grey(0)] * 2)
    assert scan.warnings == (ODD,)


@pytest.mark.parametrize(
    ("side", "x", "conflict"),
    [("L", -90, True), ("L", 90, False), ("R", 90, True), (None, 90, False)],
)
def test_a_left_side_that_lies_on_the_right_is_said(header, side, x, conflict):
    """x of DICOM grows to the patient's left."""
    scan = volume(replace(header, laterality=side), planes((x, 0, 0), (x, 0, 1)), [grey(0)] * 2)
    codes = [said.code for said in scan.warnings]
    assert ("laterality_conflict" in codes) == conflict


def test_padding_and_presets_are_carried_along(header):
    decoded = [grey(0, window=(1, 2), padding=3), grey(0, window=(3, 4), padding=4)]
    scan = volume(header, planes((0, 0, 0), (0, 0, 1)), decoded)
    assert scan.presets == (("", 3, 4),)
    assert [said.code for said in scan.warnings] == ["odd_header", "padding_replaced"]
    assert scan.warnings[1].startswith("7 padding values")


def test_one_slice_without_plane_keeps_what_is_known(header):
    scan = slice_scan(replace(header, plane=None, spacing=(0.3, 0.4)), grey(1), None)
    assert scan.affine is None
    assert scan.spacing == (0.3, 0.4)
