from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from medsiam.encoders import pixel_embeddings
from medsiam.encoders.pixels import pixel_vector
from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans.scan import Scan

RNG = np.random.default_rng(2)


def scan(*shape: int, dims: int | None = None, **facts) -> Scan:
    array = RNG.normal(size=shape).astype(np.float32)
    return Scan(array, spatial_dims=dims or len(shape), **facts)


def test_2d_against_torch_and_numpy():
    images = [scan(64, 48), scan(20, 90)]
    result = pixel_embeddings(images)
    assert result.shape == (2, 1024)
    assert result.dtype == np.float32
    for image, vector in zip(images, result, strict=True):
        small = interpolate(
            torch.from_numpy(image.array)[None, None],
            size=(32, 32),
            mode="bilinear",
            antialias=True,
        ).numpy()
        expected = (small - small.mean()) / small.std()
        np.testing.assert_allclose(vector, expected.ravel(), atol=1e-4)


def test_colour_counts_by_its_luminance():
    colour = scan(32, 32, 3, dims=2)
    grey = Scan(colour.array @ np.array([0.299, 0.587, 0.114], np.float32), spatial_dims=2)
    np.testing.assert_allclose(pixel_embeddings([colour]), pixel_embeddings([grey]), atol=1e-4)


def test_brightness_and_contrast_do_not_count():
    image = scan(40, 40)
    other = Scan(3 * image.array + 100, spatial_dims=2)
    np.testing.assert_allclose(pixel_embeddings([image]), pixel_embeddings([other]), atol=1e-3)


def test_volumes_of_any_size_and_storage_order():
    volume = scan(20, 24, 10, affine=np.diag([1.0, 1.0, 3.0, 1.0]))
    flipped = Scan(volume.array[::-1].copy(), 3, affine=np.diag([-1.0, 1.0, 3.0, 1.0]))
    unknown = scan(9, 50, 16)
    result = pixel_embeddings(iter([volume, flipped, unknown]))
    assert result.shape == (3, 4096)
    np.testing.assert_allclose(result[0], result[1], atol=1e-5)
    np.testing.assert_allclose(result.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(result.std(axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 4000.0])
def test_a_constant_scan_gives_zeros(value):
    constant = Scan(np.full((41, 37), value, np.float32), spatial_dims=2)
    assert torch.equal(pixel_vector(constant), torch.zeros(1024))


def test_what_is_refused_and_nothing():
    assert pixel_embeddings([]).shape == (0, 0)
    with pytest.raises(EncoderMismatchError, match="cannot be compared"):
        pixel_embeddings([scan(8, 8), scan(8, 8, 8)])
    with pytest.raises(ScanError, match="NaN"):
        pixel_embeddings([Scan(np.full((9, 9), np.nan, np.float32), spatial_dims=2)])
