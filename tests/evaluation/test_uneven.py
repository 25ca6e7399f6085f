"""Prototypes of different numbers of cases: against plain loops, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.uneven import Supports, measure, uneven_distances


def by_loops(supports, queries, metric):
    """Each number from the vectors themselves: [query][condition]."""
    means = [support.mean(axis=0) for support in supports]
    n = [len(support) for support in supports]
    usual = len(n) / sum(1 / k for k in n)
    squares = sum(
        float((x - mean) @ (x - mean))
        for support, mean in zip(supports, means, strict=True)
        for x in support
    )
    variance = squares / max(1, sum(k - 1 for k in n))
    lengths = []
    for mean, k in zip(means, n, strict=True):
        length = float(mean @ mean)
        least = length * min(1.0, k / usual) if metric == "cosine" else -np.inf
        lengths.append(max(length - variance / k + variance / usual, least))

    def distance(dot, size, length):
        return 1 - dot / np.sqrt(size * length) if metric == "cosine" else size + length - 2 * dot

    size = np.mean([np.mean([x @ x for x in support]) for support in supports])
    middle = 0.0
    for a, mean in enumerate(means):
        own = mean @ mean - variance / n[a]
        others = np.mean([mean @ other for b, other in enumerate(means) if b != a])
        middle += distance((own + others) / 2, size, lengths[a]) / len(means)
    result = []
    for query in queries:
        row = []
        for a, mean in enumerate(means):
            known = (n[a] / (n[a] + 2)) / (usual / (usual + 2))
            found = distance(query @ mean, query @ query, lengths[a])
            row.append(middle + known * (found - middle))
        result.append(row)
    return np.array(result)


def corrected(supports, queries, metric):
    means = np.stack([support.mean(axis=0) for support in supports])
    bank = Supports(
        np.array([[len(support) for support in supports]]),
        np.array([[(support**2).sum() for support in supports]]),
        (means @ means.T)[None],
    )
    sizes = (queries**2).sum(axis=1)
    return uneven_distances((queries @ means.T)[None], sizes[None], bank, metric=metric)[0]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("shots", [(1, 9, 4), (2, 3, 3), (1, 1, 2), (1, 40)])
def test_distances_equal_plain_loops(metric, shots):
    rng = np.random.default_rng(len(shots))
    supports = [rng.normal(size=(n, 6)) + 2 * rng.normal(size=6) for n in shots]
    queries = rng.normal(size=(5, 6))
    np.testing.assert_allclose(
        corrected(supports, queries, metric), by_loops(supports, queries, metric), rtol=1e-9
    )


def test_euclidean_distances_do_not_depend_on_the_origin():
    rng = np.random.default_rng(2)
    supports = [rng.normal(size=(n, 4)) for n in (1, 3, 8)]
    queries = rng.normal(size=(5, 4))
    moved = corrected([s + 7.0 for s in supports], queries + 7.0, "euclidean")
    np.testing.assert_allclose(moved, corrected(supports, queries, "euclidean"), rtol=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_numbers_are_compared_as_ever(metric):
    rng = np.random.default_rng(0)
    supports = [rng.normal(size=(4, 6)) + rng.normal(size=6) for _ in range(3)]
    queries = rng.normal(size=(5, 6))
    means = np.stack([support.mean(axis=0) for support in supports])
    dots, sizes = (queries @ means.T)[None], (queries**2).sum(axis=1)[None]
    plain = measure(dots, sizes, (means**2).sum(axis=1)[None], metric)[0]
    np.testing.assert_allclose(corrected(supports, queries, metric), plain, rtol=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_frequent_condition_no_longer_swallows_a_rare_one(metric):
    rng = np.random.default_rng(1)
    plain, now = np.zeros((2, 2)), np.zeros((2, 2))  # [true, named]
    for _ in range(300):
        middles = 0.8 * rng.normal(size=(2, 40))
        supports = [m + 2 * rng.normal(size=(n, 40)) for m, n in zip(middles, (1, 20), strict=True)]
        queries = np.repeat(middles, 5, axis=0) + 2 * rng.normal(size=(10, 40))
        means = np.stack([support.mean(axis=0) for support in supports])
        dots, sizes = (queries @ means.T)[None], (queries**2).sum(axis=1)[None]
        bare = measure(dots, sizes, (means**2).sum(axis=1)[None], metric)[0]
        for counts, distances in ((plain, bare), (now, corrected(supports, queries, metric))):
            np.add.at(counts, (np.repeat([0, 1], 5), distances.argmin(axis=1)), 1 / 1500)
    shares = plain[:, 0].sum() / 2, now[:, 0].sum() / 2  # half of the queries are of the rare one
    assert shares[0] < 0.42
    assert 0.46 < shares[1] < 0.54
    assert now.diagonal().min() > plain.diagonal().min() + 0.05
    assert np.trace(now) > np.trace(plain) - 0.01
