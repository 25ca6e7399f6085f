"""Retrieval and pairs against plain loops, scikit-learn and the bootstrap of subjects."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from medsiam.evaluation import retrieval
from medsiam.evaluation.retrieval import measure_retrieval
from medsiam.metrics import (
    mean_average_precision,
    nearest_label_accuracy,
    wilson_interval,
)


def table(seed=0, n=50, n_subjects=20):
    rng = np.random.default_rng(seed)
    subjects = np.array([f"patient:{i}" for i in rng.integers(0, n_subjects, n)])
    conditions = np.array(["a", "b", "c"])[rng.choice(3, n, p=[0.6, 0.3, 0.1])]
    # Cases of one subject resemble each other, whatever their condition.
    own = {subject: rng.normal(size=4) for subject in np.unique(subjects)}
    x = 0.5 * rng.normal(size=(n, 4)) + np.array([own[s] for s in subjects])
    return x + 0.8 * np.array(["abc".index(c) for c in conditions])[:, None], conditions, subjects


def measure(x, conditions, subjects, metric="euclidean"):
    return measure_retrieval(
        x,
        conditions=conditions.tolist(),
        subjects=subjects.tolist(),
        metric=metric,
        random_state=0,
    )


def pairs_of_different_subjects(x, conditions, subjects, metric="euclidean"):
    distances = cdist(x, x, metric)
    pairs = [
        (i, j) for i, j in itertools.combinations(range(len(x)), 2) if subjects[i] != subjects[j]
    ]
    same = np.array([conditions[i] == conditions[j] for i, j in pairs])
    return pairs, same, np.array([distances[i, j] for i, j in pairs])


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_figures_equal_their_definitions(metric):
    x, conditions, subjects = table()
    found, auc = measure(x, conditions, subjects, metric)
    first = nearest_label_accuracy(x, conditions, subjects, metric=metric)
    average = mean_average_precision(x, conditions, subjects, metric=metric)
    assert found.precision_at_1.value == pytest.approx(first.macro)
    assert found.precision_at_1_micro.value == pytest.approx(first.micro)
    assert found.mean_average_precision.value == pytest.approx(average.macro)
    assert found.mean_average_precision_micro.value == pytest.approx(average.micro)
    assert found.precision_at_1.n_queries == first.n
    assert found.precision_at_1.majority == pytest.approx(1 / 3)
    assert found.precision_at_1_micro.majority == np.mean(conditions == "a")
    for figure in vars(found).values():
        assert figure.low < figure.value < figure.high
    _, same, distances = pairs_of_different_subjects(x, conditions, subjects, metric)
    assert auc.value == pytest.approx(roc_auc_score(same, -distances))
    assert (auc.n_same, auc.n_different) == (same.sum(), (~same).sum())


def test_the_interval_of_the_auc_is_that_of_the_bootstrap_of_subjects():
    x, conditions, subjects = table(3, n=60, n_subjects=30)
    _, auc = measure(x, conditions, subjects)
    pairs, same, distances = pairs_of_different_subjects(x, conditions, subjects)
    codes = np.unique(subjects, return_inverse=True)[1]
    first, second = codes[np.array(pairs).T]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        times = np.bincount(
            rng.integers(0, codes.max() + 1, codes.max() + 1), minlength=codes.max() + 1
        )
        weights = times[first] * times[second]
        values.append(roc_auc_score(same, -distances, sample_weight=weights))
    half = (auc.high - auc.low) / 2
    assert half / 1.96 == pytest.approx(np.std(values), rel=0.2)


def test_ties_of_pairs_count_one_half():
    conditions, subjects = np.array(list("aabb")), np.array(list("1234"))
    _, auc = measure(np.ones((4, 2)), conditions, subjects)
    assert auc.value == 0.5


def test_perfect_pairs_keep_the_doubt_of_few_subjects():
    conditions, subjects = np.array(list("aaabbb")), np.array(list("123456"))
    x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    found, auc = measure(x, conditions, subjects)
    assert (auc.value, auc.low, auc.high) == (1.0, *wilson_interval(6, 6))
    assert found.precision_at_1.value == found.mean_average_precision.value == 1.0
    assert found.precision_at_1.low == wilson_interval(6, 6)[0]


def test_random_embeddings_score_the_stated_chance():
    _, conditions, subjects = table(1, n=60)
    values = []
    for seed in range(40):
        x = np.random.default_rng(seed).normal(size=(60, 3))
        found, auc = measure(x, conditions, subjects)
        values.append([*(figure.value for figure in vars(found).values()), auc.value])
    chance = [*(figure.chance for figure in vars(found).values()), auc.chance]
    error = np.std(values, axis=0) / np.sqrt(40)
    assert (np.abs(np.mean(values, axis=0) - chance) < 3.5 * error).all()


def test_a_sample_of_pairs_comes_near_the_whole(monkeypatch):
    x, conditions, subjects = table(2, n=120, n_subjects=60)
    whole = measure(x, conditions, subjects)[1]
    monkeypatch.setattr(retrieval, "MAX_PAIRS", 3000)
    part = measure(x, conditions, subjects)[1]
    assert 2500 < part.n_same + part.n_different < 3500
    assert part.value == pytest.approx(whole.value, abs=0.04)
    assert measure(x, conditions, subjects)[1] == part


def test_mahalanobis_counts_each_pair_once():
    x, conditions, subjects = table()
    _, auc = measure(x, conditions, subjects, "mahalanobis")
    pairs, _, _ = pairs_of_different_subjects(x, conditions, subjects)
    assert auc.n_same + auc.n_different == len(pairs)
