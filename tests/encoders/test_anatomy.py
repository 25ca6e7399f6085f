"""The backbone that segments slices and measures: shapes, neighbours, padding, saving."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from medsiam.encoders import Architecture, load_encoder, new_encoder, save_encoder
from medsiam.encoders.anatomy import AnatomyBackbone, slice_stacks
from medsiam.encoders.anatomy_measures import list_measures, measure
from medsiam.encoders.card import AnatomyPlan
from medsiam.errors import UsageError
from medsiam.preprocessing import Recipe

PLAN = AnatomyPlan(
    structures=("front", "middle"),
    centre="middle",
    front="front",
    channels=(4, 8, 8),
    spacing=(2.0, 2.0, 4.0),
)
RECIPE = Recipe(
    spatial_dims=3, spatial_size=(18, 21, 5), spacing=(2.0, 2.0, 4.0), fit="crop_or_pad"
)
ARCHITECTURE = Architecture(
    spatial_dims=3, backbone="anatomy", anatomy=PLAN, project=False, normalize=False
)


@pytest.fixture
def backbone() -> AnatomyBackbone:
    torch.manual_seed(0)
    return AnatomyBackbone(PLAN).eval()


def test_probabilities_have_the_size_of_the_volume_and_sum_to_one(backbone):
    maps = backbone.feature_maps(torch.rand(2, 1, 18, 21, 5))  # no multiple of 4
    assert maps.shape == (2, 3, 18, 21, 5)
    torch.testing.assert_close(maps.sum(dim=1), torch.ones(2, 18, 21, 5))


def test_features_are_the_measures_scaled(backbone):
    x = torch.rand(3, 1, 18, 21, 5)
    expected = measure(backbone.feature_maps(x), PLAN)
    assert backbone.feature_dim == len(list_measures(PLAN)) == expected.shape[1]
    torch.testing.assert_close(backbone.measures(x), expected)
    torch.testing.assert_close(backbone(x), expected)
    backbone.scale.fit(expected)
    torch.testing.assert_close(backbone(x), backbone.scale(expected))
    assert float(backbone(x).detach().abs().max()) <= 3


def test_a_slice_is_seen_with_its_neighbours_and_zeros_beyond_the_ends():
    x = torch.arange(2 * 3.0).reshape(2, 1, 1, 1, 3) + 1
    stacks = slice_stacks(x)[..., 0, 0]
    assert stacks.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0], [0, 4, 5], [4, 5, 6], [5, 6, 0]]


def test_a_slice_that_is_all_padding_is_background(backbone):
    x = torch.rand(1, 1, 16, 16, 4)
    x[..., 2] = 0
    maps = backbone.feature_maps(x).detach()
    assert float(maps[0, 0, ..., 2].min()) == 1
    assert float(maps[0, 1:, ..., 2].max()) == 0
    assert float(maps[0, 1:, ..., 1].max()) > 0


def test_gradients_reach_every_weight_through_the_measures(backbone):
    backbone.train()
    backbone(torch.rand(2, 1, 16, 16, 4)).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in backbone.parameters())


def test_an_encoder_of_measures_is_saved_and_loaded_with_its_scale(tmp_path):
    encoder = new_encoder(ARCHITECTURE, RECIPE, name="tiny", licence="CC0-1.0")
    x = torch.rand(3, 1, *RECIPE.spatial_size)
    backbone = encoder.network.backbone
    backbone.scale.fit(torch.randn(9, backbone.feature_dim))
    encoder = encoder.with_card()
    assert encoder.embedding_dim == backbone.feature_dim
    save_encoder(encoder, tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    torch.testing.assert_close(
        torch.from_numpy(loaded.embed_tensors(x)), torch.from_numpy(encoder.embed_tensors(x))
    )
    assert loaded.card.architecture.anatomy == PLAN


def test_millimetres_of_recipe_and_plan_must_agree():
    for spacing in (None, (2.0, 2.0, 5.0)):
        recipe = RECIPE.model_copy(update={"spacing": spacing})
        with pytest.raises(UsageError, match="spacing"):
            new_encoder(ARCHITECTURE, recipe, name="tiny", licence="CC0-1.0")


def test_a_plan_names_its_own_structures_and_takes_grey_volumes():
    with pytest.raises(ValidationError, match="'lung' is none of the structures"):
        AnatomyPlan(structures=("a",), centre="lung", spacing=(1.0, 1.0, 1.0))
    fields = dict(ARCHITECTURE)
    for wrong, words in (({"spatial_dims": 2}, "volumes"), ({"in_channels": 3}, "grey")):
        with pytest.raises(ValidationError, match=words):
            Architecture(**(fields | wrong))
