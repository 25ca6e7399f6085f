"""Networks that learned nothing medical, ready to embed."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.encoders.baselines.networks import imagenet_encoder, random_encoder
from medsiam.scans.scan import Scan


def scans(dims, n=2):
    rng = np.random.default_rng(0)
    shape = (40,) * dims
    return [Scan(array=rng.random(shape, np.float32), spatial_dims=dims) for _ in range(n)]


@pytest.mark.parametrize("dims", [2, 3])
def test_random_weights_are_those_of_the_seed(dims):
    found = random_encoder(dims, random_state=1)
    assert found.embed(scans(dims)).shape == (2, 512)
    assert found.fingerprint == random_encoder(dims, random_state=1).fingerprint
    assert found.fingerprint != random_encoder(dims, random_state=2).fingerprint


@pytest.mark.parametrize("dims", [2, 3])
def test_imagenet_weights_are_always_the_same(dims):
    found = imagenet_encoder(dims)
    vectors = found.embed(scans(dims, 1))
    assert vectors.shape == (1, 320)
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-4)
    assert found.fingerprint == imagenet_encoder(dims).fingerprint
