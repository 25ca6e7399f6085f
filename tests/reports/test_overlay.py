from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from medsiam.reports import overlay_png
from medsiam.reports.overlay import AGAINST, FOR, blend, strongest_slices
from medsiam.scans.scan import Scan

RNG = np.random.default_rng(6)


def drawn(scan, values) -> Image.Image:
    png = overlay_png(scan, values, title="Query against case 7", trust="It was not checked.")
    picture = Image.open(io.BytesIO(png))
    assert "Research use only" in picture.text["Description"]
    return picture.convert("RGB")


def colours(picture) -> np.ndarray:
    """Per pixel, how orange (above 0) or blue (below 0) it is; 0 for grey."""
    pixels = np.asarray(picture).astype(int)
    return pixels[..., 0] - pixels[..., 2]


@pytest.mark.parametrize("colour", [False, True])
def test_what_speaks_for_is_orange_and_what_speaks_against_blue(colour):
    array = np.full((30, 20, 3) if colour else (30, 20), 100.0, np.float32)
    values = np.zeros((30, 20))
    values[:5, :5], values[25:, 15:] = 1, -1
    found = colours(drawn(Scan(array, spatial_dims=2), values))
    picture = found[30:-110]  # without title, bar and text
    rows, cols = np.nonzero(picture > 60)
    blue_rows, blue_cols = np.nonzero(picture < -60)
    assert rows.max() < blue_rows.min()  # x runs to the right, y down
    assert cols.max() < blue_cols.min()


def test_the_map_is_laid_over_by_its_strength_and_nothing_where_it_is_0():
    plain = np.full((1, 4, 3), 100, np.uint8)
    found = blend(plain, np.array([[255, 0, 127, 128]], np.uint8))
    np.testing.assert_allclose(found[0, 0], 0.3 * 100 + 0.7 * np.array(FOR), atol=1)
    np.testing.assert_allclose(found[0, 1], 0.3 * 100 + 0.7 * np.array(AGAINST), atol=1)
    np.testing.assert_array_equal(found[0, 2:], plain[0, 2:])


def test_the_slices_with_most_weight_apart_from_each_other():
    values = np.zeros((6, 6, 32))
    values[2, 2, [3, 4, 20, 28]] = [5, 6, 7, 1]
    values[3, 3, 10] = -9
    scan = Scan(RNG.normal(size=(6, 6, 32)).astype(np.float32), spatial_dims=3)
    assert strongest_slices(scan, values) == [4, 20, 28]
    assert drawn(scan, values).width > 3 * 320
    thin = Scan(np.zeros((6, 6, 1), np.float32), spatial_dims=3)
    assert strongest_slices(thin, np.zeros((6, 6, 1))) == [0]


def test_an_empty_map_leaves_the_picture_grey():
    scan = Scan(RNG.normal(size=(30, 20)).astype(np.float32), spatial_dims=2)
    assert not colours(drawn(scan, np.zeros((30, 20))))[30:-110].any()
