"""Influences against numerical derivatives, and intervals against fresh samples of patients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medsiam.evaluation.influence import (
    auc_influence,
    average_precision_influence,
    few_shot_influence,
    query_influence,
)
from medsiam.metrics import average_precision
from tests.evaluation.samples import draw, score


def test_query_influence_is_the_derivative_of_the_macro_mean():
    rng = np.random.default_rng(0)
    values, labels, weights = rng.random(20), rng.integers(0, 3, 20), rng.random(20)

    def macro(w):
        return np.mean([np.average(values[labels == c], weights=w[labels == c]) for c in range(3)])

    found = query_influence(values, labels, weights)
    for i in range(20):
        more = weights.copy()
        more[i] *= 1 + 1e-6
        assert found[i] == pytest.approx((macro(more) - macro(weights)) / 1e-6, abs=1e-5)
    assert found.sum() == pytest.approx(0)


def weighted_average_precision(distances, relevant, weights):
    """Plain loop: each case counts `weights` times."""
    total = found = 0.0
    for i in np.flatnonzero(relevant & np.isfinite(distances)):
        near = distances <= distances[i]
        found += weights[i] * weights[near & relevant].sum() / weights[near].sum()
        total += weights[i]
    return found / total if total else 0.0


@pytest.mark.parametrize("ties", [False, True])
def test_average_precision_influence_is_its_derivative(ties):
    rng = np.random.default_rng(1)
    distances = rng.integers(0, 5, (6, 14)).astype(float) if ties else rng.random((6, 14))
    distances[:, [3, 9]] = np.inf
    relevant = rng.random((6, 14)) < 0.4
    relevant[5] = False
    found = average_precision_influence(distances, relevant)
    ones = np.ones(14)
    for q in range(6):
        start = weighted_average_precision(distances[q], relevant[q], ones)
        assert start == pytest.approx(np.nan_to_num(average_precision(distances, relevant))[q])
        for j in range(14):
            more = ones.copy()
            more[j] += 1e-6
            slope = (weighted_average_precision(distances[q], relevant[q], more) - start) / 1e-6
            assert found[q, j] == pytest.approx(slope, abs=1e-5)


N_PATIENTS, N_SAMPLES = 16, 60


def sample(seed):
    """Patients of two conditions drawn anew, one case each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], N_PATIENTS)
    x = rng.normal(size=(2 * N_PATIENTS, 6)) + 0.5 * labels[:, None]
    return x + 0.3, labels, np.arange(2 * N_PATIENTS)


@pytest.mark.parametrize("n_shot", [1, 5])
def test_few_shot_influence_foretells_the_spread_over_new_patients(n_shot):
    values, foretold, of_queries = [], [], []
    for seed in range(N_SAMPLES):
        x, labels, owners = sample(seed)
        names = [str(label) for label in labels]
        episodes = draw(names, [str(o) for o in owners], n_shot=n_shot, n_episodes=150, n_query=5)
        hits = score(x, episodes, "euclidean")
        found = few_shot_influence(hits, episodes, labels=labels, owners=owners)
        values.append(hits.mean())
        foretold.append(np.sqrt(np.sum(found.by_subject**2) + found.extra))
        asked = np.bincount(episodes.query.ravel(), minlength=len(x)).astype(float)
        right = np.bincount(episodes.query.ravel(), weights=hits.ravel(), minlength=len(x))
        own = query_influence(right / np.maximum(asked, 1), labels, asked)
        of_queries.append(np.sqrt(np.sum(own**2)))
    spread = np.std(values)
    assert np.mean(foretold) == pytest.approx(spread, rel=0.3)
    assert np.mean(of_queries) < 0.75 * spread  # why the support must be counted too
    covered = np.abs(np.array(values) - np.mean(values)) < 1.96 * np.array(foretold)
    assert covered.mean() >= 0.8  # about 0.9 over many more samples; queries alone give 0.7


def test_conditions_that_take_turns_and_shared_subjects_are_counted_once():
    rng = np.random.default_rng(5)
    names = np.repeat(list("abc"), 8)
    owners = np.concatenate([np.arange(8), np.arange(4, 12), np.arange(8, 16)])
    x = rng.normal(size=(24, 3))
    episodes = draw(names.tolist(), owners.astype(str).tolist(), n_shot=2, n_way=2, n_episodes=300)
    hits = score(x, episodes)
    labels = np.unique(names, return_inverse=True)[1]
    found = few_shot_influence(hits, episodes, labels=labels, owners=owners)
    assert found.by_subject.shape == (16,)
    assert np.isfinite(found.by_subject).all()
    assert 0 < np.sum(found.by_subject**2) + found.extra < 0.05


def test_the_influence_on_the_auc_is_its_derivative():
    rng = np.random.default_rng(6)
    scores, positive = rng.integers(0, 9, 30).astype(float), rng.random(30) < 0.4
    value, moves = auc_influence(scores, positive)
    assert value == pytest.approx(roc_auc_score(positive, scores))
    for i in range(30):
        weights = np.ones(30)
        weights[i] += 1e-6
        more = roc_auc_score(positive, scores, sample_weight=weights)
        assert moves[i] == pytest.approx((more - value) / 1e-6, abs=1e-4)


def test_one_condition_alone_has_its_own_influence():
    x, labels, owners = sample(0)
    episodes = draw(labels, owners, n_shot=2, n_episodes=300, n_query=5)
    hits = score(x, episodes, "euclidean")
    own = few_shot_influence(hits, episodes, labels=labels, owners=owners, label=0)
    both = few_shot_influence(hits, episodes, labels=labels, owners=owners)
    assert np.sum(own.by_subject**2) > np.sum(both.by_subject**2)  # half of the queries
    asked = np.bincount(episodes.query[:, 0].ravel(), minlength=32)
    assert np.count_nonzero(asked[16:]) == 0
