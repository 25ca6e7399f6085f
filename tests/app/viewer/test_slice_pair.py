from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medsiam import Scan
from medsiam.reports import plane_of
from viewer.slice_pair import (
    BY_HAND,
    EACH_PERCENTILE,
    SAME_VALUES,
    Picture,
    common_scale,
    framed,
    linked_position,
    picture,
    plane_choices,
    png,
    stored_index,
    window_choices,
    windows_of,
)


def make(shape, affine=None, spacing=None, **facts) -> Scan:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Scan(values, len(shape), affine=affine, spacing=spacing, **facts)


LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
# Slices across the first axis, from head to feet; the others run to the left and to the back.
TURNED = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [-1, 0, 0, 0], [0, 0, 0, 1]], float)


@pytest.mark.parametrize(("n_query", "n_match"), [(10, 10), (10, 37), (40, 7), (2, 5), (5, 1)])
def test_linked_slices_lie_at_the_same_relative_depth(n_query, n_match):
    for position in range(n_query):
        linked = linked_position(position, n_query, n_match)
        depth = position / (n_query - 1)
        half_a_slice = 0.5 / max(1, n_match - 1)
        assert 0 <= linked < n_match
        if n_match > 1:
            assert abs(linked / (n_match - 1) - depth) <= half_a_slice + 1e-12


def test_a_query_of_one_slice_is_beside_the_middle():
    assert linked_position(0, 1, 9) == 4


def test_the_same_plane_is_found_in_differently_stored_scans():
    query, match = make((4, 5, 6), LPS), make((6, 4, 5), TURNED)
    choices = plane_choices(query, match)
    assert set(choices) == {"axial", "coronal", "sagittal"}
    assert choices["axial"] == (2, 0)
    assert next(iter(choices)) == "axial"


def test_both_run_from_feet_to_head():
    query, match = make((4, 5, 6), LPS), make((6, 4, 5), TURNED)
    assert stored_index(0, plane_of(query, 2), 6) == 0
    assert stored_index(0, plane_of(match, 0), 6) == 5


def test_without_orientation_both_are_shown_along_stored_axes():
    choices = plane_choices(make((4, 5, 6), LPS), make((6, 4, 5)))
    assert set(choices.values()) == {(0, 0), (1, 1), (2, 2)}


def test_thick_slices_come_first():
    query = make((9, 3, 9), LPS, spacing=(1.0, 5.0, 1.0))
    assert next(iter(plane_choices(query, query))) == "coronal"


def test_an_image_has_one_plane():
    assert plane_choices(make((4, 4)), make((9, 9))) == {"image": (2, 2)}


def test_hounsfield_units_share_a_window_and_other_greys_do_not():
    ct, mr = make((4, 4), modality="CT"), make((4, 4), modality="MR")
    assert window_choices(ct, ct)[0] == SAME_VALUES
    assert "lung" in window_choices(ct, ct)
    assert window_choices(mr, mr)[0] == EACH_PERCENTILE
    assert "lung" not in window_choices(ct, mr)


def test_windows():
    query = make((40, 50), window=(40.0, 400.0), modality="CT")
    match = make((30, 30), modality="CT")
    assert windows_of(SAME_VALUES, query, match) == ((40.0, 400.0), (40.0, 400.0))
    assert windows_of("lung", query, match) == ((-600.0, 1500.0),) * 2
    assert windows_of(BY_HAND, query, match)[0] == (40.0, 400.0)
    low, high = np.percentile(match.array, [1, 99])
    center, width = windows_of(EACH_PERCENTILE, query, match)[1]
    assert (center, width) == pytest.approx(((low + high) / 2, high - low))


def test_a_picture_knows_the_size_of_its_pixels():
    scan = make((4, 5, 6), LPS * [[1], [1], [5], [1]], spacing=(1.0, 1.0, 5.0))
    axial = picture(scan, 2, axis=2, window=(60.0, 120.0))
    assert (axial.mm, axial.pixels.shape) == (1.0, (5, 4))
    coronal = picture(scan, 2, axis=1, window=(60.0, 120.0))
    assert (coronal.mm, coronal.pixels.shape) == (1.0, (30, 4))  # square pixels: 6 slices of 5 mm
    assert picture(make((4, 5)), 0, axis=2, window=(10.0, 20.0)).mm is None


def white(rows, columns, mm=None, letters=None):
    return Picture(np.full((rows, columns), 255, np.uint8), mm, letters)


def test_pictures_of_known_size_have_one_scale():
    fine, coarse = white(200, 100, 0.5), white(120, 60, 1.0)  # 100 mm and 120 mm high
    scale = common_scale([fine, coarse], 600)
    assert scale == pytest.approx(0.2)
    heights = []
    for one in (fine, coarse):
        middle = np.asarray(framed(Picture(one.pixels, one.mm, None), 600, scale))[:, 300, 0]
        heights.append(int((middle > 128).sum()))
    assert heights == [500, 600]


@pytest.mark.parametrize("others", [white(10, 10), white(10, 10, 30.0)])
def test_no_common_scale_where_size_is_unknown_or_far_apart(others):
    assert common_scale([white(10, 10, 1.0), others], 600) is None
    shown = np.asarray(framed(others, 600, None))
    assert shown.shape == (600, 600, 3)
    assert shown[300, 300].tolist() == [255, 255, 255]
    assert shown[:, 300, 0].min() > 128  # fills the frame


def test_letters_and_ruler_are_drawn_where_known():
    black = np.zeros((100, 100), np.uint8)
    bare = np.asarray(framed(Picture(black, None, None), 640, None))
    assert bare.max() == 0
    lettered = np.asarray(framed(Picture(black, None, ("R", "L", "A", "P")), 640, None))
    for edge in (lettered[:, :60], lettered[:, -60:], lettered[:60], lettered[-60:]):
        assert edge.max() > 200


def test_the_ruler_is_as_long_as_it_says():
    # 100 mm in 640 pixels: the longest ruler within a third is 20 mm, 128 pixels.
    shown = np.asarray(framed(Picture(np.zeros((100, 100), np.uint8), 1.0, None), 640, 100 / 640))
    lowest = max(np.flatnonzero((shown[:, :, 0] > 200).any(axis=1)))
    drawn = np.flatnonzero(shown[lowest, :, 0] > 200)
    assert abs(int(drawn[-1]) - int(drawn[0]) - 128) <= 1


def test_the_picture_is_sent_without_loss():
    drawn = framed(Picture(np.arange(256, dtype=np.uint8).reshape(16, 16), 1.0, None), 64, None)
    with Image.open(io.BytesIO(png(drawn))) as received:
        assert received.format == "PNG"
        np.testing.assert_array_equal(np.asarray(received), np.asarray(drawn))
