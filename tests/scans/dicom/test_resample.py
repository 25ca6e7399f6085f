from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import ScanError
from medsiam.scans.dicom.geometry import make_plane, unevenness
from medsiam.scans.dicom.resample import resampled


def planes(heights, tilt=0.0):
    made = [make_plane((0, tilt * z, z), (1, 0, 0, 0, 1, 0), (1.0, 1.0)) for z in heights]
    return [plane for plane in made if plane is not None]


@pytest.mark.parametrize("heights", [(0, 1, 2, 4, 5), (0, 1, 2.5, 4, 5), (-3, 0, 1, 2)])
@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_values_lie_on_the_line_between_their_neighbours(heights, tilt):
    random = np.random.default_rng(0)
    block = random.normal(size=(len(heights), 3, 4)).astype(np.float32)
    even, placed, done = resampled(block, planes(heights, tilt), 1.0, Path("a"))
    wanted = np.linspace(heights[0], heights[-1], round(heights[-1] - heights[0]) + 1)
    for row in range(3):
        for column in range(4):
            expected = np.interp(wanted, heights, block[:, row, column])
            np.testing.assert_allclose(even[:, row, column], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([p.position[2] for p in placed], wanted)
    np.testing.assert_allclose([p.position[1] for p in placed], tilt * wanted)
    assert unevenness(placed) is None
    assert f"{len(wanted)} slices 1 mm apart" in done


def test_a_stray_slice_far_away_is_no_reason_to_fill_the_memory():
    block = np.zeros((3, 2000, 2000), np.float32)
    with pytest.raises(ScanError) as caught:
        resampled(block, planes((0, 0.1, 1e6)), 0.1, Path("a"))
    assert caught.value.code == "too_large"
