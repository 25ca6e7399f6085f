from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.comparison import explain, occlude
from medsiam.encoders import Architecture, new_encoder, similarity_maps
from medsiam.errors import EncoderError
from medsiam.preprocessing import Recipe, blur_out
from medsiam.scans.scan import Scan
from tests.comparison.test_explanation_checks import GOOD

RNG = np.random.default_rng(4)


def encoder_of(dims: int):
    return new_encoder(
        Architecture(spatial_dims=dims, backbone="resnet10", width=0.25, embedding_dim=8),
        Recipe(spatial_dims=dims, spatial_size=(32, 32, 16)[:dims]),
        name="tiny",
        licence="CC0-1.0",
    )


def scan(*shape: int) -> Scan:
    return Scan(RNG.normal(size=shape).astype(np.float32), spatial_dims=len(shape))


@pytest.mark.parametrize("shape", [(40, 30), (24, 20, 10)])
def test_maps_and_distance_of_the_two_scans(shape):
    encoder = encoder_of(len(shape))
    a, b = scan(*shape), scan(*shape[::-1])
    found = explain(a, b, encoder)
    expected_maps = similarity_maps(encoder, a, b)
    for shown, expected in zip((found.query, found.match), expected_maps, strict=True):
        np.testing.assert_array_equal(shown.values, expected.values)
    u, v = encoder.embed([a, b]).astype(float)
    expected_distance = 1 - u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    assert found.distance == pytest.approx(expected_distance, abs=1e-5)
    assert "not checked" in found.trust
    assert explain(a, b, encoder, checks=GOOD).trust == GOOD.sentence


def test_an_encoder_that_failed_the_checks_shows_no_map():
    failed = replace(GOOD, deletion=0.5)
    with pytest.raises(EncoderError, match="not shown, for they failed their checks"):
        explain(scan(40, 30), scan(40, 30), encoder_of(2), checks=failed)


@pytest.mark.parametrize("shape", [(40, 30), (24, 20, 10)])
def test_occlusion_is_the_rise_of_the_distance_without_each_patch(shape):
    encoder = encoder_of(len(shape))
    a, b = scan(*shape), scan(*shape)
    found = occlude(a, b, encoder)
    patch = np.zeros(shape, bool)
    patch[tuple(slice(0, round(n / (8 if len(shape) == 2 else 5))) for n in shape)] = True
    changed = blur_out(a, encoder.recipe).without(patch)
    assert found.distance == pytest.approx(explain(a, b, encoder).distance, abs=1e-5)
    rise = explain(changed, b, encoder).distance - found.distance
    np.testing.assert_allclose(
        found.query.values[patch], rise / patch.sum(), rtol=1e-2, atol=1e-6 / patch.sum()
    )
    assert found.match.values.shape == shape
    assert "occlusion" in found.method
