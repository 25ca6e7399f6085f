from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medsiam.preprocessing import Recipe, blur_out
from medsiam.preprocessing.neutral import bounds
from medsiam.scans.scan import Scan


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_only_the_region_is_blurred_by_a_tenth_of_what_is_seen(shape):
    scan = Scan(np.random.default_rng(0).random(shape, np.float32), spatial_dims=2, modality="XC")
    recipe = Recipe(spatial_dims=2, spatial_size=(16, 16), crop=(20, 30))
    found = blur_out(scan, recipe)
    assert [(s.start, s.stop) for s in bounds(found.seen)] == [(10, 30), (15, 45)]
    region = np.zeros((40, 60), bool)
    region[18:25, 20:30] = True
    changed = found.without(region)
    assert changed.modality == "XC"
    np.testing.assert_array_equal(changed.array[~region], scan.array[~region])
    sigma = (2, 3, 0)[: len(shape)]
    expected = gaussian_filter(scan.array, sigma, mode="nearest", truncate=8)
    np.testing.assert_allclose(changed.array[region], expected[region], atol=1e-5)


def test_a_box_around_a_region():
    region = np.zeros((5, 6, 7), bool)
    region[1, 2, 3] = region[3, 2, 6] = True
    assert bounds(region) == (slice(1, 4), slice(2, 3), slice(3, 7))
