"""A small picture of the middle, against the slice picked by hand."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medsiam import Scan
from medsiam.reports import render_slice, thumbnail_png


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def steps(depth: int = 5, **facts) -> Scan:
    """Slice z is z times 50, with a black and a white corner in each."""
    array = np.broadcast_to(50.0 * np.arange(depth), (40, 30, depth)).astype(np.float32).copy()
    array[:20] = 0
    array[-20:, :10] = 200
    return Scan(array, 3, spacing=(1.0, 1.0, 3.0), **facts)


@pytest.mark.parametrize(("fraction", "index"), [(0.0, 0), (0.5, 2), (0.99, 4), (1.0, 4)])
def test_the_slice_at_this_fraction_is_shown(fraction, index):
    scan = steps()
    shown = picture(thumbnail_png(scan, fraction=fraction))
    expected = render_slice(scan, index, axis=2, window=(100.0, 200.0))
    np.testing.assert_array_equal(shown, expected)


def test_the_longest_side_is_kept_to():
    scan = Scan(np.random.default_rng(0).normal(size=(300, 150)).astype(np.float32), 2)
    assert max(picture(thumbnail_png(scan, longest=64)).shape) == 64


def test_thick_slices_are_shown_from_their_front():
    array = np.zeros((8, 40, 40), np.float32)
    array[4] = 100
    scan = Scan(array, 3, spacing=(9.0, 1.0, 1.0))
    assert picture(thumbnail_png(scan)).shape == (40, 40)


def test_ct_keeps_its_own_window():
    values = np.linspace(-1000, 1000, 1600).reshape(40, 40).astype(np.float32)
    ct = picture(thumbnail_png(Scan(values, 2, modality="CT", window=(0.0, 200.0))))
    mr = picture(thumbnail_png(Scan(values, 2, modality="MR", window=(0.0, 200.0))))
    assert (ct == 0).mean() > 0.4
    assert (mr == 0).mean() < 0.05


def test_colour_stays_colour():
    array = np.zeros((10, 12, 3), np.float32)
    array[..., 0] = 255
    shown = picture(thumbnail_png(Scan(array, 2)))
    assert shown.shape == (12, 10, 3)
    assert (shown == [255, 0, 0]).all()
