"""The map: two coordinates for each case, the method named, the same again."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.embedding_map import map_embeddings, place_among


def test_few_cases_are_placed_along_their_widest_axes():
    x = np.random.default_rng(0).normal(size=(20, 5)) * [9, 4, 0.1, 0.1, 0.1]
    placed = map_embeddings(x, metric="euclidean", random_state=0)
    assert placed.points.shape == (20, 2)
    assert "PCA" in placed.method
    assert abs(np.corrcoef(placed.points[:, 0], x[:, 0])[0, 1]) > 0.99


def test_groups_stay_groups_in_a_tsne():
    x = np.random.default_rng(1).normal(size=(80, 6))
    x[:40] += 8
    placed = map_embeddings(x, metric="cosine", random_state=0)
    assert "t-SNE" in placed.method
    centres = placed.points[:40].mean(axis=0), placed.points[40:].mean(axis=0)
    near = np.linalg.norm(placed.points[:, None] - np.stack(centres), axis=2).argmin(axis=1)
    assert np.mean(near == np.repeat([0, 1], 40)) > 0.95
    again = map_embeddings(x, metric="cosine", random_state=0)
    np.testing.assert_array_equal(placed.points, again.points)


@pytest.mark.parametrize("x", [np.ones((70, 4)), np.ones((5, 4)), np.zeros((4, 1))])
def test_embeddings_without_spread_still_have_a_place(x):
    placed = map_embeddings(x, metric="cosine", random_state=0)
    assert placed.points.shape == (len(x), 2)
    assert np.isfinite(placed.points).all()


def test_a_further_scan_lies_among_its_three_nearest_by_nearness():
    points = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 6.0], [50.0, 50.0]])
    at = place_among(points, [1.0, 2.0, 4.0, 9.0])
    weights = np.array([1, 1 / 2, 1 / 4])
    np.testing.assert_allclose(at, (weights[:, None] * points[:3]).sum(0) / weights.sum())
    np.testing.assert_allclose(place_among(points, [5.0, 0.0, 4.0, 9.0]), points[1], atol=1e-6)
    np.testing.assert_allclose(place_among(points[:1], [0.0]), points[0])
