"""The backbone that measures masks: scaled measures, saving, and what does not fit it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from medsiam.encoders import (
    Architecture,
    in_half_precision,
    load_encoder,
    new_encoder,
    save_encoder,
    similarity_maps,
)
from medsiam.encoders.shape import ShapeBackbone
from medsiam.encoders.shape_measures import list_shape_measures, measure_shapes
from medsiam.errors import EncoderError, ScanError, UsageError
from medsiam.preprocessing import Recipe
from medsiam.scans import Scan

SPACING = (1.0, 1.0, 2.0)
RECIPE = Recipe(
    spatial_dims=3, spatial_size=(20, 18, 12), spacing=SPACING, fit="crop_or_pad", intensity="mask"
)
ARCHITECTURE = Architecture(spatial_dims=3, backbone="shape", spacing=SPACING, embedding_dim=6)


def slabs() -> torch.Tensor:
    """Five slabs, 1 to 5 voxels thick."""
    volumes = torch.zeros(5, 1, *RECIPE.spatial_size)
    for place in range(5):
        volumes[place, :, 3 : 4 + place, 2:16, 2:9] = 1
    return volumes


def test_features_are_the_measures_scaled():
    backbone = ShapeBackbone(SPACING).eval()
    expected = measure_shapes(slabs(), SPACING)
    assert backbone.feature_dim == len(list_shape_measures()) == expected.shape[1]
    torch.testing.assert_close(backbone(slabs()), expected)
    backbone.scale.fit(expected)
    torch.testing.assert_close(backbone(slabs()), backbone.scale(expected))
    assert not list(backbone.parameters())


def test_is_saved_loaded_and_halved_with_its_scale(tmp_path):
    encoder = new_encoder(ARCHITECTURE, RECIPE, name="slabs", licence="CC0-1.0")
    backbone = encoder.network.backbone
    backbone.scale.fit(backbone.measures(slabs()))
    encoder = encoder.with_card()
    embeddings = encoder.embed_tensors(slabs())
    save_encoder(encoder, tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    assert loaded.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(loaded.embed_tensors(slabs()), embeddings)
    halved = in_half_precision(encoder).embed_tensors(slabs())
    assert np.isfinite(halved).all()
    assert ((halved * embeddings).sum(axis=1) > 0.99).all()


def test_a_grey_volume_is_refused():
    encoder = new_encoder(ARCHITECTURE, RECIPE, name="slabs", licence="CC0-1.0")
    grey = np.random.default_rng(0).normal(size=RECIPE.spatial_size).astype(np.float32)
    with pytest.raises(ScanError, match="Segment the scan first"):
        encoder.embed([Scan(grey, spatial_dims=3, affine=np.diag([*SPACING, 1.0]))])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"spacing": None}, "belong together"),
        ({"backbone": "resnet10"}, "belong together"),
        ({"spatial_dims": 2}, "takes volumes"),
        ({"in_channels": 3}, "takes volumes"),
        ({"spacing": (1.0, 1.0)}, "three values"),
        ({"project": False}, "project = true"),
    ],
)
def test_architectures_that_make_no_sense(fields, words):
    with pytest.raises(ValidationError, match=words):
        Architecture(**{**dict(ARCHITECTURE), **fields})


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"spacing": (1.0, 1.0, 1.0)}, "no mm"), ({"intensity": "percentile"}, "two-valued")],
)
def test_a_card_whose_recipe_was_changed_is_refused(fields, words):
    card = new_encoder(ARCHITECTURE, RECIPE, name="slabs", licence="CC0-1.0").card
    with pytest.raises(ValidationError, match=words):
        type(card)(**{**dict(card), "recipe": RECIPE.model_copy(update=fields)})


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"spacing": (1.0, 1.0, 1.0)}, "need the same"), ({"intensity": "percentile"}, "two-valued")],
)
def test_a_recipe_that_would_make_other_measures_is_refused(fields, words):
    with pytest.raises(UsageError, match=words):
        new_encoder(ARCHITECTURE, RECIPE.model_copy(update=fields), name="slabs", licence="CC0-1.0")


def test_maps_of_a_mask_are_refused():
    encoder = new_encoder(ARCHITECTURE, RECIPE, name="slabs", licence="CC0-1.0")
    scan = Scan(slabs()[0, 0].numpy(), spatial_dims=3, affine=np.eye(4))
    with pytest.raises(EncoderError, match="has no similarity maps"):
        similarity_maps(encoder, scan, scan)
