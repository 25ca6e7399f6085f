"""Queries named by the nearest prototype, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from medsiam.evaluation import prototypes
from medsiam.evaluation.prototypes import confusion, name_queries
from medsiam.metrics import spread_of_cases
from tests.evaluation.samples import draw, score
from tests.evaluation.test_episodes import uneven_table
from tests.evaluation.test_uneven import by_loops


def loop_precision(support, labels):
    """Within-condition Ledoit-Wolf of the support; over all of it with one case each."""
    if len(set(labels)) == len(labels):
        residuals = support - support.mean(axis=0)
    else:
        residuals = np.concatenate(
            [support[labels == c] - support[labels == c].mean(axis=0) for c in np.unique(labels)]
        )
    return LedoitWolf(assume_centered=True).fit(residuals).precision_


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "mahalanobis"])
@pytest.mark.parametrize("n_shot", [1, 3])
def test_scores_equal_plain_loops(metric, n_shot):
    x, conditions, subjects = uneven_table()
    episodes = draw(conditions, subjects, n_shot=n_shot, n_episodes=25, n_query=4)
    scores = score(x, episodes, metric)
    for e in range(25):
        prototypes = [sum(x[i] for i in row) / n_shot for row in episodes.support[e]]
        extra = {}
        if metric == "mahalanobis":
            flat = episodes.support[e].ravel()
            extra["VI"] = loop_precision(x[flat], np.array([conditions[i] for i in flat]))
        for way in range(3):
            for q in range(4):
                query = x[episodes.query[e, way, q]]
                distances = [cdist(query[None], p[None], metric, **extra)[0, 0] for p in prototypes]
                assert scores[e, way, q] == float(min(distances) == distances[way])


def test_few_dimensions_of_many_do_not_change_mahalanobis():
    x, conditions, subjects = uneven_table()
    wide = np.hstack([x, 0.3 * np.random.default_rng(1).normal(size=(len(x), 60))])
    episodes = draw(conditions, subjects, n_shot=2, n_episodes=10, n_query=2)
    scores = score(wide, episodes, "mahalanobis")
    for e in range(10):  # 6 + 6 points span less than the 65 dimensions
        flat = episodes.support[e].ravel()
        precision = loop_precision(wide[flat], np.repeat(np.arange(3), 2))
        prototypes = wide[episodes.support[e]].mean(axis=1)
        distances = cdist(wide[episodes.query[e].ravel()], prototypes, "mahalanobis", VI=precision)
        right = distances.argmin(axis=1) == np.repeat(np.arange(3), 2)
        np.testing.assert_array_equal(scores[e].ravel(), right)


def test_ties_are_shared():
    conditions, subjects = list("aabbcc"), list("123456")
    episodes = draw(conditions, subjects, n_shot=1, n_episodes=5, n_query=2)
    for metric in ("cosine", "euclidean"):
        scores = score(np.ones((6, 3)), episodes, metric)
        np.testing.assert_allclose(scores, 1 / 3)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_uneven_supports_equal_plain_loops(metric):
    x, conditions, subjects = uneven_table()
    episodes = draw(conditions, subjects, n_shot=2, spread=1, n_episodes=30, n_query=3)
    scores = score(x, episodes, metric)
    x = x - x.mean(axis=0) if metric == "euclidean" else x
    for e in range(30):
        supports = [x[row[row >= 0]] for row in episodes.support[e]]
        if len({len(support) for support in supports}) == 1:
            kind = "sqeuclidean" if metric == "euclidean" else "cosine"
            means = np.stack([support.mean(axis=0) for support in supports])
            distances = cdist(x[episodes.query[e].ravel()], means, kind)
        else:
            distances = by_loops(supports, x[episodes.query[e].ravel()], metric)
        right = distances.argmin(axis=1) == np.repeat(np.arange(3), 3)
        np.testing.assert_array_equal(scores[e].ravel(), right)


def test_uneven_mahalanobis_is_uneven_euclidean_where_the_spread_is_one():
    x, conditions, subjects = uneven_table()
    episodes = draw(conditions, subjects, n_shot=2, spread=1, n_episodes=20, n_query=3)
    scores = score(x, episodes, "mahalanobis")
    for e in range(20):
        support = episodes.support[e]
        cases = x[support[support >= 0]]
        root = np.linalg.cholesky(spread_of_cases(cases, np.nonzero(support >= 0)[0]))
        points = (x - cases.mean(axis=0)) @ root
        supports = [points[row[row >= 0]] for row in support]
        distances = by_loops(supports, points[episodes.query[e].ravel()], "euclidean")
        right = distances.argmin(axis=1) == np.repeat(np.arange(3), 3)
        np.testing.assert_array_equal(scores[e].ravel(), right)


def test_many_cases_are_taken_in_parts(monkeypatch):
    x, conditions, subjects = uneven_table()
    episodes = draw(conditions, subjects, n_shot=2, n_episodes=30, n_query=3)
    whole = name_queries(x, episodes)
    monkeypatch.setattr(prototypes, "_MOST_CASES", 16)
    np.testing.assert_array_equal(name_queries(x, episodes), whole)


def test_confusion_counts_who_was_named_what():
    x, conditions, subjects = uneven_table()
    labels = np.unique(conditions, return_inverse=True)[1]
    episodes = draw(conditions, subjects, n_shot=1, n_way=2, n_episodes=40, n_query=2)
    named = name_queries(x, episodes)
    counts = np.zeros((3, 3))
    for e in range(40):
        ways = labels[episodes.query[e, :, 0]]
        for a in range(2):
            for q in range(2):
                for b in range(2):
                    counts[ways[a], ways[b]] += named[e, a, q, b]
    expected = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(confusion(named, episodes, labels, 3), expected)
