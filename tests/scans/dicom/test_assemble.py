from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.dicom.assemble import slice_scan, volume_scan
from medsiam.scans.dicom.geometry import make_plane
from medsiam.scans.dicom.header import Header, header_of
from medsiam.scans.dicom.pixels import Picture
from tests.scans.written import dataset

PATH = Path("series")


@pytest.fixture
def header() -> Header:
    return header_of(dataset(np.zeros((3, 4), np.uint16)), PATH)


def planes(*positions):
    return [make_plane(p, (1, 0, 0, 0, 1, 0), (1.0, 1.0)) for p in positions]


def grey(value, *, window=None, pivot=None):
    return Picture(np.full((4, 3), value, np.float32), window, pivot)


def volume(header, placed, decoded):
    return volume_scan(header, placed, iter(decoded), path=PATH, sources=(PATH,), warnings=("odd",))


def test_pictures_go_where_their_planes_lie(header):
    scan = volume(header, planes((0, 0, 4), (0, 0, 0), (0, 0, 2)), [grey(4), grey(0), grey(2)])
    assert scan.array.shape == (4, 3, 3)
    assert scan.array[0, 0].tolist() == [0, 2, 4]
    assert scan.spacing == (1, 1, 2)
    assert scan.warnings == ("odd",)
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


def test_colour_volumes_are_refused(header):
    for other in (replace(header, samples=3), replace(header, photometric="PALETTE COLOR")):
        with pytest.raises(ScanError) as caught:
            volume(other, planes((0, 0, 0), (0, 0, 1)), [])
        assert caught.value.code == "unsupported_pixels"


def test_the_ceiling_counts_all_slices_before_any_is_decoded(header):
    large = replace(header, columns=16_000, rows=16_000)
    with pytest.raises(ScanError) as caught:
        volume(large, planes((0, 0, 0), (0, 0, 1), (0, 0, 2)), iter(()))
    assert caught.value.code == "too_large"


def test_a_faulty_stack_is_refused_before_any_is_decoded(header):
    def never():
        raise AssertionError
        yield

    with pytest.raises(ScanError) as caught:
        volume(header, planes((0, 0, 0), (0, 0, 1), (0, 0, 5)), never())
    assert caught.value.code == "missing_slices"


def test_one_slice_without_plane_keeps_what_is_known(header):
    scan = slice_scan(replace(header, plane=None, spacing=(0.3, 0.4)), grey(1), None)
    assert scan.affine is None
    assert scan.spacing == (0.3, 0.4)
