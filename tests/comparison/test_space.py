"""A prepared space gives the distances of `pairwise_distances`, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison.space import Space, TwinHead, make_space
from medsiam.distances import METRICS, pairwise_distances, shrunk_precision
from medsiam.errors import UsageError

X = np.random.default_rng(0).normal(size=(30, 6))
NAMES = np.array(list("ABC") * 10)


@pytest.mark.parametrize("metric", METRICS)
def test_equals_pairwise_distances(metric):
    space = make_space(X, NAMES, metric)
    points = space.points(X)
    precision = shrunk_precision(X, NAMES)
    expected = pairwise_distances(X, X, metric=metric, precision=precision)
    assert np.array_equal(space.distances(points, points), expected)
    rows = space.of_rows(points[:10], points[10:20])
    assert rows == pytest.approx(np.diagonal(expected[:10, 10:20]))


def test_match_is_one_less_the_head_s_probability():
    head = TwinHead(np.array([-1.0, 0.5, -2.0]), 0.7)
    space = make_space(X, NAMES, "match", head=lambda: head)
    a, b = X[:4], X[4:9]
    found = space.distances(space.points(a), space.points(b))
    for i in range(4):
        for j in range(5):  # six values: two scans of three, whose log odds are averaged
            odds = np.mean([np.abs(a[i] - b[j])[k : k + 3] @ head.weight for k in (0, 3)]) + 0.7
            assert found[i, j] == pytest.approx(1 - 1 / (1 + np.exp(-odds)))
    assert space.of_rows(a, b[:4]) == pytest.approx(np.diagonal(found[:, :4]))


def test_match_needs_a_head_and_mahalanobis_a_spread():
    with pytest.raises(UsageError, match="twin head"):
        make_space(X, NAMES, "match")
    with pytest.raises(UsageError, match="mahalanobis"):
        make_space(np.ones((3, 2)), ["A", "A", "B"], "mahalanobis")
    assert make_space(X[:3], NAMES[:3], "mahalanobis").pooled
    assert not Space("cosine").pooled
