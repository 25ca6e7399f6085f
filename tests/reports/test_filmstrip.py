"""Frames at the same fraction of each scan, from feet to head, in one window."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medsiam.reports.filmstrip import common_window, filmstrip, frames_for
from medsiam.scans.scan import Scan

FULL = (127.5, 255.0)


def stack(n_slices: int, *, to: str = "S", affine=True, **facts) -> Scan:
    """A volume whose slices have the grey value 10 x (slice number from the feet)."""
    levels = 10 * np.arange(1, n_slices + 1)
    if to == "I":
        levels = levels[::-1]
    values = np.broadcast_to(levels, (4, 4, n_slices)).astype(np.float32)
    geometry = np.diag([-1.0, -1.0, 1.0 if to == "S" else -1.0, 1.0]) if affine else None
    return Scan(array=values, spatial_dims=3, affine=geometry, **facts)


def levels(strip) -> list[int]:
    return [int(np.asarray(Image.open(io.BytesIO(png)))[0, 0]) for png in strip.frames]


@pytest.mark.parametrize("to", ["S", "I"])
def test_frames_lie_in_the_middle_of_equal_parts_from_feet_to_head(to):
    strip = filmstrip(stack(21, to=to), n_frames=7, plane="axial", window=FULL)
    assert levels(strip) == [20, 50, 80, 110, 140, 170, 200]  # slices 2, 5, 8, ... of 21
    assert strip.places[0] == "slice 2 of 21"
    assert strip.places[-1] == "slice 20 of 21"
    assert strip.letters == ("R", "L", "A", "P")
    assert strip.plane == "axial"


def test_a_shallow_scan_repeats_slices_to_keep_step():
    strip = filmstrip(stack(3), n_frames=7, plane="axial", window=FULL)
    assert levels(strip) == [10, 10, 20, 20, 20, 30, 30]


def test_an_image_and_a_single_slice_have_one_frame():
    image = Scan(array=np.zeros((4, 4), np.float32), spatial_dims=2)
    strip = filmstrip(image, n_frames=7, plane="as stored", window=FULL)
    assert (len(strip.frames), strip.places) == (1, ("",))
    assert len(filmstrip(stack(1), n_frames=7, plane="axial", window=FULL).frames) == 1


def test_the_same_plane_is_found_in_a_scan_stored_otherwise():
    upright = stack(9)
    # The same patient stored with head-foot as the first axis, running down.
    turned = Scan(
        array=np.ascontiguousarray(upright.array.transpose(2, 0, 1)[::-1]),
        spatial_dims=3,
        affine=np.array([[0, -1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0], [0, 0, 0, 1.0]]),
    )
    assert turned.orientation == "ILP"
    one = filmstrip(upright, n_frames=7, plane="axial", window=FULL)
    other = filmstrip(turned, n_frames=7, plane="axial", window=FULL)
    assert levels(one) == levels(other)
    assert one.letters == other.letters


def test_unknown_orientation_has_no_letters():
    strip = filmstrip(stack(9, affine=False), n_frames=3, plane="axial", window=FULL)
    assert (strip.letters, strip.plane) == (None, "as stored")
    assert levels(strip) == [20, 50, 80]


def test_frames_are_small():
    scan = Scan(array=np.zeros((600, 300), np.float32), spatial_dims=2)
    strip = filmstrip(scan, n_frames=1, plane="as stored", window=FULL)
    assert Image.open(io.BytesIO(strip.frames[0])).size == (256, 128)


def test_number_of_frames():
    image = Scan(array=np.zeros((4, 4), np.float32), spatial_dims=2)
    assert frames_for([image]) == 1
    assert frames_for([stack(4)]) == 4
    assert frames_for([stack(4), stack(60)]) == 7


def test_ct_shares_the_querys_window_and_others_keep_their_own_rule():
    ct = stack(9, modality="CT", window=(40.0, 400.0))
    other_ct = stack(5, modality="CT", window=(-600.0, 1500.0))
    assert common_window(ct, other_ct) == (40.0, 400.0)
    mr, other_mr = stack(9, modality="MR", window=(1.0, 2.0)), stack(5, modality="MR")
    low, high = np.percentile(other_mr.array, [1, 99])
    assert common_window(mr, other_mr) == pytest.approx(((low + high) / 2, high - low))
    assert common_window(mr, mr) != (1.0, 2.0)  # one rule for both: not one's own header
    assert common_window(ct, other_mr) == common_window(mr, other_mr)
