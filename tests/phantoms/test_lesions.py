from __future__ import annotations

import itertools

import numpy as np
import pytest

from medsiam.phantoms.lesions import (
    CONDITIONS,
    REACH,
    TRAINING_CONDITIONS,
    UNSEEN_CONDITIONS,
    draw_lesion,
)

LARGEST_STRETCH = 1.15  # phantoms stretch lesions by up to this


def grid(spatial_dims: int) -> np.ndarray:
    """Coordinates from -1.6 to 1.6."""
    axis = np.linspace(-1.6, 1.6, 97 if spatial_dims == 2 else 49, dtype=np.float32)
    return np.stack(np.meshgrid(*[axis] * spatial_dims, indexing="ij"))


def drawn(condition: str, u: np.ndarray, *, edge: float = 0.02, seed: int = 0) -> np.ndarray:
    return draw_lesion(condition, u, edge=edge, rng=np.random.default_rng(seed))


def at(condition: str, *points: tuple[float, ...]) -> list[float]:
    return drawn(condition, np.array(points, np.float32).T).round(3).tolist()


def test_enough_conditions_and_none_is_both_trained_on_and_unseen():
    assert len(TRAINING_CONDITIONS) >= 7
    assert len(UNSEEN_CONDITIONS) >= 4
    assert len(set(CONDITIONS)) == len(CONDITIONS) >= 10
    assert not set(TRAINING_CONDITIONS) & set(UNSEEN_CONDITIONS)
    assert set(TRAINING_CONDITIONS) | set(UNSEEN_CONDITIONS) == set(CONDITIONS)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_pattern_is_a_share_that_stays_within_reach(condition, spatial_dims):
    u = grid(spatial_dims)
    radius = np.linalg.norm(u, axis=0)
    for seed in range(3):
        share = drawn(condition, u, edge=0.1, seed=seed)
        assert share.dtype == np.float32
        assert share.shape == u.shape[1:]
        assert share.min() == 0
        assert 0.9 < share.max() <= 1
        assert radius[share > 0].max() * LARGEST_STRETCH < REACH
        assert 0.05 < share.sum() / (radius < 1).sum() < 0.7


def test_points_that_must_be_inside_or_outside():
    assert at("solid mass", (0, 0), (0.7, 0), (0, -0.9)) == [1, 1, 0]
    assert at("thin shell", (0, 0, 0), (0.84, 0, 0), (0, 0, -0.84), (0.6, 0, 0)) == [0, 1, 1, 0]
    assert at("concentric rings", (0, 0), (0, 0.3), (0.5, 0), (0, 0.7), (-0.88, 0)) == [
        1,
        0,
        1,
        0,
        1,
    ]
    assert at("crossed bars", (0.8, 0, 0), (0, 0.8, 0), (0, 0, -0.8), (0.4, 0.4, 0)) == [1, 1, 1, 0]
    assert at("dumbbell", (0.56, 0), (-0.56, 0), (0, 0), (0, 0.3)) == [1, 1, 1, 0]
    assert at("cavity with nodule", (0.45, 0), (-0.45, 0), (-0.85, 0)) == [1, 0, 1]
    assert at("crescent", (-0.6, 0), (0.4, 0), (0, 0.8)) == [1, 0, 1]
    assert at("spiculated star", (0, 0), (0.99, 0.99)) == [1, 0]
    assert at("forked rod", (0, 0), (0.6, 0), (0, 0.9)) == [1, 1, 0]


def test_layers_run_along_one_direction_only():
    share = drawn("parallel layers", grid(2))
    middle = slice(40, 57)  # where the round outline does not matter
    assert np.ptp(share[middle, middle], axis=1).max() < 1e-3
    assert np.ptp(share[middle, middle], axis=0).min() > 0.9


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_checkered_block_is_half_full_and_turns_over_at_each_middle_plane(spatial_dims):
    share = drawn("checkered block", grid(spatial_dims))
    block = share[(slice(*((30, 67) if spatial_dims == 2 else (15, 34))),) * spatial_dims]
    assert block.mean() == pytest.approx(0.5, abs=0.06)
    assert np.abs(block + block[::-1] - 1).mean() < 0.06


@pytest.mark.parametrize("condition", ["nodule cluster", "spiculated star"])
def test_no_two_patients_share_a_lesion(condition):
    first, second = (drawn(condition, grid(2), seed=seed) for seed in (0, 1))
    assert np.abs(first - second).max() > 0.9


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_any_two_patterns_look_different(spatial_dims):
    u = grid(spatial_dims)
    masks = {condition: drawn(condition, u) > 0.5 for condition in CONDITIONS}
    for one, other in itertools.combinations(CONDITIONS, 2):
        a, b = masks[one], masks[other]
        assert (a & b).sum() / (a | b).sum() < 0.8, (one, other)
