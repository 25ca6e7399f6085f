"""The hash of a picture, against SciPy, and the picture saved once more."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter, zoom

from medsiam.preprocessing.perceptual_hash import hash_signs, picture_hash
from medsiam.scans.scan import Scan


def smooth(seed, shape=(96, 128)):
    """A picture with large and small structure, grey values 20 to 220."""
    random = np.random.default_rng(seed)
    values = sum(k * gaussian_filter(random.normal(size=shape), k) for k in (2, 4, 8))
    values -= values.min()
    return (20 + 200 * values / values.max()).astype(np.float32)


def scan(values):
    array = np.asarray(values, np.float32)
    return Scan(array=array, spatial_dims=3 if array.ndim == 3 and array.shape[2] > 3 else 2)


def differing(a: str, b: str) -> float:
    """Share of bits that differ."""
    return (int(a, 16) ^ int(b, 16)).bit_count() / (4 * len(a))


@pytest.mark.parametrize(("shape", "n_waves"), [((96, 128), 16), ((32, 48, 64), 8)])
def test_bits_are_the_signs_of_the_cosine_transform_of_coarse_means(shape, n_waves):
    values = smooth(0, shape).astype(np.float64)
    parts = 2 * n_waves
    cut = [part for n in shape for part in (parts, n // parts)]
    means = values.reshape(cut).mean(axis=tuple(range(1, 2 * len(shape), 2)))
    waves = dctn(means)[(slice(n_waves),) * len(shape)]
    bits = [waves[at] > 0 for at in np.ndindex(waves.shape) if max(at) >= 4]
    assert picture_hash(scan(values)) == np.packbits(bits).tobytes().hex()


def test_fractions_of_a_pixel_count_in_part():
    values = smooth(1, (45, 70))
    finer = np.kron(values, np.ones((32, 32)))  # the same picture, now of whole parts
    assert differing(picture_hash(scan(values)), picture_hash(scan(finer))) == 0


def jpeg(values, quality):
    stream = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


@pytest.mark.parametrize(
    "again",
    [
        lambda values: jpeg(values, 50),
        lambda values: 1.3 * values + 20,
        lambda values: zoom(values, 0.98, order=1),
        lambda values: values[:, :, None].repeat(3, axis=2),
        lambda values: values + np.random.default_rng(0).normal(size=values.shape) * 3,
    ],
)
def test_the_same_picture_stays_near_and_another_far(again):
    values = smooth(2)
    own = picture_hash(scan(values))
    assert differing(own, picture_hash(scan(again(values)))) < 0.12
    assert differing(own, picture_hash(scan(smooth(3)))) > 0.3


def test_a_blank_scan_is_like_nothing():
    assert picture_hash(scan(np.full((20, 30), 7.0))) is None
    assert picture_hash(scan(np.zeros((20, 30)))) is None


def test_signs_of_no_hash_are_half_way_to_any():
    own = hash_signs("f0", 8)
    assert own.tolist() == [1, 1, 1, 1, -1, -1, -1, -1]
    assert (1 - np.mean(own * hash_signs(None, 8))) / 2 == 0.5
    assert not hash_signs("f0f0", 8).any()
    assert (1 - np.mean(own * hash_signs("f1", 8))) / 2 == pytest.approx(1 / 8)
