from __future__ import annotations

import numpy as np
import pytest

from medsiam.preprocessing import Recipe, field_of_view, prepare_placed, to_scan_grid
from medsiam.scans.scan import Scan


def scan_with_a_spot(shape, spot, affine=None) -> Scan:
    array = np.zeros(shape, np.float32)
    array[tuple(slice(place - 2, place + 3) for place in spot)] = 1
    return Scan(array, spatial_dims=len(shape), affine=affine)


TURNED = np.array([[0, 0, -3, 50], [-2, 0, 0, 10], [0, 1.5, 0, 4], [0, 0, 0, 1.0]])


@pytest.mark.parametrize(
    ("fields", "shape", "spot", "affine"),
    [
        ({}, (40, 30), (25, 9), None),
        ({"crop": (30, 20)}, (40, 30), (25, 11), None),
        ({"fit": "crop_or_pad"}, (40, 30), (25, 11), None),
        ({"crop": (60, 60)}, (40, 30), (25, 11), None),
        ({"spacing": (2.0, 2.0, 2.0)}, (24, 20, 18), (15, 7, 8), TURNED),
        ({"orientation": "RAS", "crop": (16, 20, 16)}, (24, 20, 18), (15, 7, 8), TURNED),
        (
            {"orientation": "LPS", "spacing": (2.0, 1.5, 2.5), "fit": "crop_or_pad"},
            (24, 20, 18),
            (15, 7, 8),
            TURNED,
        ),
    ],
)
def test_what_the_encoder_saw_comes_back_to_where_it_was(fields, shape, spot, affine):
    dims = len(shape)
    recipe = Recipe(spatial_dims=dims, spatial_size=(32, 36, 28)[:dims], **fields)
    scan = scan_with_a_spot(shape, spot, affine)
    tensor, place = prepare_placed(scan, recipe)
    values = tensor[0].numpy()
    back = to_scan_grid(values, place, shape)
    assert back.shape == shape
    assert back.dtype == np.float32
    assert back.sum() == pytest.approx(values.sum(), rel=0.05)
    middle = [(np.indices(shape)[axis] * back).sum() / back.sum() for axis in range(dims)]
    np.testing.assert_allclose(middle, spot, atol=0.25)


def test_only_what_the_encoder_sees_is_marked():
    scan = Scan(np.random.default_rng(0).random((40, 30)).astype(np.float32), spatial_dims=2)
    tensor, place = prepare_placed(scan, Recipe(spatial_dims=2, spatial_size=(8, 8), crop=(20, 10)))
    expected = np.zeros((40, 30), bool)
    expected[10:30, 10:20] = True
    np.testing.assert_array_equal(field_of_view(tensor.shape[1:], place, (40, 30)), expected)
    back = to_scan_grid(np.ones((8, 8)), place, (40, 30))
    np.testing.assert_array_equal(back != 0, expected)
    assert back.sum() == pytest.approx(64)
    np.testing.assert_allclose(back[expected], 64 / 200, rtol=1e-5)
