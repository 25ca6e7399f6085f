"""What is nearly all padding, or drawn out of next to nothing, is named by its axis."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.preprocessing import Recipe, prepare_placed, thin_axes
from medsiam.scans.scan import Scan

TURNED = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # stored as y, z, x


def said(shape, size, *, affine=None, **fields):
    scan = Scan(
        np.random.default_rng(0).random(shape).astype(np.float32),
        spatial_dims=len(shape),
        affine=np.eye(4) if affine is None else affine,
    )
    recipe = Recipe(spatial_dims=len(shape), spatial_size=size, **fields)
    return thin_axes(scan, recipe, prepare_placed(scan, recipe)[1])


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((20, 20, 2), (20, 20, 8), ""),
        ((20, 20, 2), (20, 20, 9), "fills 2 of the 9 voxels along axis 3"),
        (
            (4, 20, 2),
            (20, 20, 20),
            "fills 4 of the 20 voxels along axis 1 and fills 2 of the 20 voxels along axis 3",
        ),
        ((3, 40), (16, 16), "fills 3 of the 16 voxels along axis 1"),
    ],
)
def test_what_is_nearly_all_padding(shape, size, expected):
    assert said(shape, size, fit="crop_or_pad") == expected


def test_padding_is_counted_after_resampling():
    spacing = {"fit": "crop_or_pad", "spacing": (1.0, 1.0, 4.0)}
    assert said((8, 8, 8), (8, 8, 8), **spacing) == ""  # 2 of 8
    assert "fills 1.5 of the 8 voxels along axis 3" in said((8, 8, 6), (8, 8, 8), **spacing)


@pytest.mark.parametrize(("n", "thin"), [(2, True), (3, True), (4, False), (10, False)])
def test_what_is_drawn_out_of_next_to_nothing(n, thin):
    found = said((20, 20, n), (32, 32, 32))
    assert found == (f"its {n} voxels are drawn out to 32 along axis 3" if thin else "")
    assert said((20, 20, n), (32, 32, 2)) == ""  # no more is asked for


def test_the_axes_are_those_that_the_network_sees():
    found = said((20, 3, 20), (16, 16, 16), affine=TURNED, orientation="RAS")
    assert found == "its 3 voxels are drawn out to 16 along axis 3"
