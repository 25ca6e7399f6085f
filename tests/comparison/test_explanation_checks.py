"""The checks on maps that are known to be right, or wrong."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.stats import spearmanr

from medsiam.comparison import ExplanationChecks, check_explanations
from medsiam.comparison.explanation_checks import (
    deletion_rises,
    random_region,
    rank_correlation,
    shuffle_weights,
    top_region,
)
from medsiam.encoders import Architecture, new_encoder
from medsiam.errors import UsageError
from medsiam.preprocessing import Recipe
from medsiam.scans.scan import Scan

RNG = np.random.default_rng(3)
GOOD = ExplanationChecks(
    n_pairs=20,
    deletion=0.95,
    deletion_low=0.76,
    deletion_high=0.99,
    marked_rise=0.2,
    random_rise=0.1,
    randomised=0.1,
    other=0.5,
)


class CornerEncoder:
    """Looks at nothing but how a corner of the picture varies."""

    recipe = Recipe(spatial_dims=2, spatial_size=(32, 32))

    def embed(self, scans):
        return np.stack([[1.0, scan.array[:10, :10].std()] for scan in scans])


def corner_pair() -> tuple[Scan, Scan]:
    """One with detail everywhere, one with ten times as much."""
    values = RNG.normal(size=(32, 32)).astype(np.float32)
    return Scan(values, spatial_dims=2), Scan(10 * values, spatial_dims=2)


def test_a_map_of_what_matters_beats_random_regions_and_others_do_not():
    right, wrong = np.zeros((32, 32)), np.zeros((32, 32))
    right[:10, :10], wrong[22:, 22:] = 1, 1
    pairs = [corner_pair() for _ in range(6)]

    def share(found):
        rises = [deletion_rises(pair, [found] * 2, CornerEncoder(), RNG) for pair in pairs]
        return np.mean([marked > random for marked, random in rises])

    assert share(right) == 1
    assert share(wrong) < 0.5


def test_distances_are_seen_from_the_centre():
    pair, maps = corner_pair(), [np.ones((32, 32))] * 2
    plain = deletion_rises(pair, maps, CornerEncoder(), np.random.default_rng(0))
    at_nothing = deletion_rises(
        pair, maps, CornerEncoder(), np.random.default_rng(0), centre=np.zeros(2)
    )
    # From between the two they lie on opposite sides, as far apart as can be.
    middle = CornerEncoder().embed(pair).mean(axis=0)
    between = deletion_rises(pair, maps, CornerEncoder(), np.random.default_rng(0), centre=middle)
    assert plain == at_nothing
    assert between[0] <= 0
    assert plain != between


def test_regions_have_the_size_asked_for_and_lie_in_what_is_seen():
    seen = np.zeros((20, 30), bool)
    seen[4:16, 5:25] = True
    values = RNG.random((20, 30))
    top = top_region(values, seen, 0.1)
    assert top.sum() == 24
    assert values[top].min() >= values[seen & ~top].max()
    for _ in range(10):
        region = random_region(seen, 24, RNG)
        assert region.sum() == 24
        assert not region[~seen].any()
        assert label(region)[1] == 1


def test_ranks_are_spearmans_and_an_even_map_is_like_none():
    a, b = RNG.random(500), RNG.random(500)
    assert rank_correlation(a, a + b) == pytest.approx(spearmanr(a, a + b).statistic)
    assert rank_correlation(a, np.zeros(500)) == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"deletion": 0.85}, "matters more than a random region in 85% of pairs"),
        ({"randomised": 0.92}, "weights are shuffled"),
        ({"other": 0.95}, "scan compared with"),
        ({"randomised": float("nan")}, "weights are shuffled"),
    ],
)
def test_a_failed_check_says_why(change, reason):
    assert GOOD.passed
    assert "passed" in GOOD.sentence
    assert "20 pairs" in GOOD.sentence
    failed = replace(GOOD, **change)
    assert not failed.passed
    assert "not shown" in failed.sentence
    assert reason in failed.sentence


def test_the_whole_check_of_a_small_encoder():
    encoder = new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", width=0.25, embedding_dim=8, stages=(2,)),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="tiny",
        licence="CC0-1.0",
    )
    scans = [Scan(RNG.normal(size=(32, 32)).astype(np.float32), spatial_dims=2) for _ in range(12)]
    pairs = list(pairwise(scans))
    found = check_explanations(pairs[:10], encoder)
    assert found == check_explanations(pairs[:10], encoder)
    assert found.n_pairs == 10
    assert found.deletion_low <= found.deletion <= found.deletion_high
    assert np.isfinite([found.marked_rise, found.random_rise]).all()
    assert abs(found.randomised) < 0.95
    assert abs(found.other) < 1
    with pytest.raises(UsageError, match="at least 10 pairs"):
        check_explanations(pairs[:3], encoder)


def test_shuffled_weights_are_the_same_values_elsewhere():
    encoder = new_encoder(
        Architecture(spatial_dims=2, backbone="resnet10", width=0.125, embedding_dim=8),
        Recipe(spatial_dims=2, spatial_size=(32, 32)),
        name="tiny",
        licence="CC0-1.0",
    )
    before = [p.detach().numpy().copy() for p in encoder.network.parameters()]
    shuffled = shuffle_weights(encoder, np.random.default_rng(0))
    for old, kept, new in zip(
        before, encoder.network.parameters(), shuffled.network.parameters(), strict=True
    ):
        np.testing.assert_array_equal(old, kept.detach().numpy())
        np.testing.assert_array_equal(np.sort(old, axis=None), np.sort(new.detach(), axis=None))
    assert not np.array_equal(before[0], next(shuffled.network.parameters()).detach().numpy())
