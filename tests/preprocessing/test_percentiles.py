from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsiam.preprocessing.percentiles import percentile

RNG = np.random.default_rng(3)
N = 200_000
QS = (0.0, 0.1, 1.0, 2.5, 33.3, 50.0, 97.0, 99.0, 99.9, 100.0)

IMAGES = {
    "noise": RNG.normal(size=N),
    "12 bits": RNG.integers(0, 4096, N),
    "mostly ground": np.where(RNG.random(N) < 0.7, 0, RNG.random(N)),
    "a few bright": np.where(RNG.random(N) < 1e-4, 1000, 0),
    "two values": RNG.integers(0, 2, N),
    "constant": np.full(N, 7.5),
    "rising": np.arange(N),
    "falling": -np.arange(N),
    "huge": RNG.normal(size=N) * 1e30,
    "tiny": RNG.normal(size=N) * 1e-30,
    "as many as the sample skips": np.tile([0.0] + [5.0] * 47, N // 48),
    "stripes": np.tile(np.arange(512), N // 512),
}


@pytest.mark.parametrize("name", IMAGES)
def test_to_the_bit_what_numpy_says(name):
    values = IMAGES[name].astype(np.float32)
    for q in QS:
        assert percentile(values, q) == float(np.percentile(values, (q,))[0]), q


@pytest.mark.parametrize("n", [1, 2, 3, 1 << 15, (1 << 15) + 1, 99_999])
def test_of_every_size(n):
    values = RNG.normal(size=n).astype(np.float32)
    for q in QS:
        assert percentile(values, q) == float(np.percentile(values, (q,))[0])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1 << 15, 1 << 17),
    levels=st.integers(1, 70_000),
    q=st.floats(0, 100),
)
def test_of_any_image(seed, n, levels, q):
    values = np.random.default_rng(seed).integers(0, levels, n).astype(np.float32) / 3
    assert percentile(values, q) == float(np.percentile(values, (q,))[0])


def test_of_volumes_and_views():
    volume = RNG.normal(size=(1, 40, 50, 60)).astype(np.float32)
    turned = volume.transpose(0, 3, 1, 2)[:, ::2]
    assert percentile(turned, 99.0) == float(np.percentile(turned, (99.0,))[0])
    assert np.array_equal(turned, volume.transpose(0, 3, 1, 2)[:, ::2])  # nothing was reordered
