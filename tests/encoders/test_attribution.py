"""Maps against what blurring the scan really does to the similarity, and where it was changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.encoders import Architecture, Encoder, new_encoder
from medsiam.encoders.attribution import similarity_maps
from medsiam.encoders.card import AnatomyPlan
from medsiam.preprocessing import Recipe, prepare
from medsiam.preprocessing.blur import NEUTRAL_BLUR, blurred
from medsiam.scans.scan import Scan

PLAN = AnatomyPlan(
    structures=("front", "middle"),
    centre="middle",
    front="front",
    channels=(4, 8, 8),
    spacing=(2.0, 2.0, 4.0),
)


def encoder_of(dims: int, recipe: dict | None = None, **fields) -> Encoder:
    fields = {"backbone": "resnet10", "width": 0.25, "embedding_dim": 16} | fields
    size = {"spatial_size": (48, 40, 24)[:dims], "intensity": "zscore"} | (recipe or {})
    return new_encoder(
        Architecture(spatial_dims=dims, **fields),
        Recipe(spatial_dims=dims, **size),
        name="test",
        licence="CC0-1.0",
    )


def spotted(shape, spot, seed) -> Scan:
    """Noise all over, weak but for one place."""
    array = 0.01 * np.random.default_rng(seed).normal(size=shape)
    window = tuple(slice(place - 4, place + 4) for place in spot)
    array[window] += np.random.default_rng(seed + 1).random((8,) * len(shape)) > 0.5
    return Scan(
        array.astype(np.float32), spatial_dims=len(shape), spacing=(2.0, 2.0, 4.0)[: len(shape)]
    )


def loss_by_blurring(encoder, scan, other, centre=0.0) -> float:
    """Similarity that goes when all of the encoder's input of `scan` is blurred."""
    sharp, goal = (prepare(s, encoder.recipe)[None] for s in (scan, other))
    a, b, goal = (encoder.embed_tensors(x)[0] for x in (sharp, blurred(sharp, NEUTRAL_BLUR), goal))

    goal = goal - centre

    def cosine(u):
        u = u - centre
        return float(u @ goal / np.linalg.norm(u) / np.linalg.norm(goal))

    return cosine(a) - cosine(b)


ENCODERS = {
    "flip": lambda: encoder_of(2, views="flip", stages=(2, 4), project=False),
    "turns": lambda: encoder_of(2, {"crop": (50, 40)}, views="turns", pooling="centre"),
    "volume": lambda: encoder_of(3, stages=(1, 2)),
    "axes": lambda: encoder_of(3, {"spatial_size": (32, 32, 32)}, views="axes", stages=(1,)),
    "vit": lambda: encoder_of(2, backbone="vit", width=1.0),
    "slices": lambda: encoder_of(
        3, backbone="efficientnet-lite0", width=1.0, stages=(5, 6, 7), project=False, views="axes"
    ),
    "anatomy": lambda: encoder_of(
        3,
        {"spacing": (2.0, 2.0, 4.0), "fit": "crop_or_pad"},
        backbone="anatomy",
        anatomy=PLAN,
        width=1.0,
        project=False,
        normalize=False,
    ),
}


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_map_sums_up_to_what_blurring_the_scan_costs(kind, monkeypatch):
    monkeypatch.setattr("medsiam.encoders.attribution._STEPS", 64)
    encoder = ENCODERS[kind]()
    shape = (60, 52, 20)[: encoder.recipe.spatial_dims]
    spot = (30, 24, 10)[: len(shape)]
    a, b = spotted(shape, spot, 1), spotted(shape, spot, 5)
    for found, scan, other in zip(similarity_maps(encoder, a, b), (a, b), (b, a), strict=True):
        assert found.values.shape == found.seen.shape == shape
        assert found.values.dtype == np.float32
        assert np.isfinite(found.values).all()
        assert not found.values[~found.seen].any()
        # The anatomy's levels and sectors are held still while their content changes.
        if kind != "anatomy":
            expected = loss_by_blurring(encoder, scan, other)
            assert found.total == pytest.approx(expected, rel=0.05, abs=1e-4)


def test_from_a_centre_it_sums_up_to_what_blurring_costs_as_seen_from_there(monkeypatch):
    monkeypatch.setattr("medsiam.encoders.attribution._STEPS", 64)
    encoder = encoder_of(2)
    a, b, *others = (spotted((60, 52), (30, 24), seed) for seed in (1, 5, 9, 13))
    centre = encoder.embed(others).mean(axis=0)
    plain, _ = similarity_maps(encoder, a, b)
    found, _ = similarity_maps(encoder, a, b, centre=centre)
    assert found.total == pytest.approx(loss_by_blurring(encoder, a, b, centre), rel=0.05, abs=1e-4)
    u, v = encoder.embed([a, b]) - centre
    assert found.explained == pytest.approx(u @ v / np.linalg.norm(u) / np.linalg.norm(v), abs=1e-3)
    assert found.similarity == plain.similarity == plain.explained
    assert found.explained != pytest.approx(plain.explained, abs=0.01)


@pytest.mark.parametrize("kind", ["flip", "turns", "volume", "axes", "anatomy"])
def test_the_map_is_where_the_content_is_whatever_the_view(kind):
    encoder = ENCODERS[kind]()
    shape = (60, 52, 40)[: encoder.recipe.spatial_dims]
    spot = (40, 18, 12)[: len(shape)]
    a, b = spotted(shape, spot, 1), spotted(shape, spot, 5)
    weight = np.abs(similarity_maps(encoder, a, b)[0].values)
    middle = [(np.indices(shape)[i] * weight).sum() / weight.sum() for i in range(len(shape))]
    towards = np.array(spot) - (np.array(shape) - 1) / 2
    moved = np.array(middle) - (np.array(shape) - 1) / 2
    assert (np.sign(moved) == np.sign(towards)).all()


def test_both_images_decide_and_the_network_is_left_as_it_was():
    encoder = encoder_of(2)
    encoder.network.train()
    a, b, c = (spotted((60, 52), (30, 24), seed) for seed in (1, 5, 9))
    with_b, with_c = (similarity_maps(encoder, a, other)[0].values for other in (b, c))
    assert np.abs(with_b - with_c).max() > 0.05 * np.abs(with_b).max()
    assert encoder.network.training
    assert all(parameter.grad is None for parameter in encoder.network.parameters())


def test_an_even_image_has_nothing_to_mark():
    even = Scan(np.ones((30, 30), np.float32), spatial_dims=2)
    a, b = similarity_maps(encoder_of(2), even, spotted((60, 52), (30, 24), 1))
    assert not a.values.any()
    assert np.isfinite(b.values).all()


def test_no_gradient_is_left_on(monkeypatch):
    with torch.no_grad():
        similarity_maps(encoder_of(2), *(spotted((60, 52), (30, 24), seed) for seed in (1, 5)))
        assert not torch.is_grad_enabled()
