from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.preprocessing import Recipe
from medsiam.preprocessing.intensity import intensity_step


def mapped(values: np.ndarray, intensity: str, limits=None) -> np.ndarray:
    recipe = Recipe(
        spatial_dims=2, spatial_size=(8, 8), intensity=intensity, intensity_range=limits
    )
    return intensity_step(recipe)(torch.from_numpy(values)).numpy()


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(1).gamma(2.0, 300.0, size=(1, 40, 50)).astype(np.float32) - 500


@pytest.mark.parametrize("limits", [None, (0, 100), (5, 90)])
def test_percentile(values, limits):
    low, high = np.percentile(values, limits or (1, 99))
    expected = np.clip((values - low) / (high - low), 0, 1)
    np.testing.assert_allclose(mapped(values, "percentile", limits), expected, atol=1e-5)


def test_window(values):
    expected = np.clip((values + 160) / 400, 0, 1)
    np.testing.assert_allclose(mapped(values, "window", (-160, 240)), expected, atol=1e-6)


def test_zscore(values):
    expected = (values - values.mean()) / values.std()
    np.testing.assert_allclose(mapped(values, "zscore"), expected, atol=1e-5)


@pytest.mark.parametrize("intensity", ["percentile", "zscore"])
@pytest.mark.parametrize("value", [0.0, 0.1, -1000.0, 65535.0])
def test_constant_images_give_zeros(intensity, value):
    """0.1 has no exact float: the mean's rounding error must not be blown up."""
    constant = np.full((1, 37, 41), value, np.float32)
    np.testing.assert_array_equal(mapped(constant, intensity), 0)


def test_constant_image_in_a_window_keeps_its_place():
    assert mapped(np.full((1, 8, 8), 40, np.float32), "window", (-160, 240)) == pytest.approx(0.5)


def test_few_bright_voxels_on_a_flat_ground_are_not_lost():
    values = np.zeros((1, 50, 50), np.float32)
    values[0, 3, 4] = 700
    assert np.percentile(values, 99) == 0
    assert mapped(values, "percentile")[0, 3, 4] == 1
    assert mapped(values, "percentile").sum() == 1


def test_colours_share_one_mapping(values):
    colour = np.concatenate([values, 0.5 * values, 2 * values])
    low, high = np.percentile(colour, (1, 99))
    expected = np.clip((colour - low) / (high - low), 0, 1)
    np.testing.assert_allclose(mapped(colour, "percentile"), expected, atol=1e-5)
