"""Pairs: AUC, equal error rate and true accepts against scikit-learn and the bootstrap."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve

from medsiam.evaluation.verification import measure_pair_auc, measure_verification
from medsiam.metrics import wilson_interval
from tests.evaluation.samples import clouds, ranked
from tests.evaluation.test_retrieval import table


def pairs_of_different_subjects(x, conditions, subjects, metric="euclidean"):
    distances = cdist(x, x, metric)
    pairs = [
        (i, j) for i, j in itertools.combinations(range(len(x)), 2) if subjects[i] != subjects[j]
    ]
    same = np.array([conditions[i] == conditions[j] for i, j in pairs])
    return pairs, same, np.array([distances[i, j] for i, j in pairs])


def auc_of(x, conditions, subjects, metric="euclidean"):
    return measure_pair_auc(ranked(x, conditions, subjects, metric))[0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_auc_is_that_of_all_pairs_of_different_subjects(metric):
    x, conditions, subjects = table()
    auc = auc_of(x, conditions, subjects, metric)
    _, same, distances = pairs_of_different_subjects(x, conditions, subjects, metric)
    assert auc.value == pytest.approx(roc_auc_score(same, -distances))
    assert (auc.n_same, auc.n_different) == (same.sum(), (~same).sum())


def test_the_interval_of_the_auc_is_that_of_the_bootstrap_of_subjects():
    x, conditions, subjects = table(3, n=60, n_subjects=30)
    auc = auc_of(x, conditions, subjects)
    pairs, same, distances = pairs_of_different_subjects(x, conditions, subjects)
    codes = np.unique(subjects, return_inverse=True)[1]
    first, second = codes[np.array(pairs).T]
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        drawn = rng.integers(0, codes.max() + 1, codes.max() + 1)
        times = np.bincount(drawn, minlength=codes.max() + 1)
        weights = times[first] * times[second]
        values.append(roc_auc_score(same, -distances, sample_weight=weights))
    half = (auc.high - auc.low) / 2
    assert half / 1.96 == pytest.approx(np.std(values), rel=0.2)


def test_ties_of_pairs_count_one_half():
    assert auc_of(np.ones((4, 2)), np.array(list("aabb")), np.array(list("1234"))).value == 0.5


def test_perfect_pairs_keep_the_doubt_of_few_subjects():
    x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    auc = auc_of(x, np.array(list("aaabbb")), np.array(list("123456")))
    assert (auc.value, auc.low, auc.high) == (1.0, *wilson_interval(6, 6))


def test_mahalanobis_counts_each_pair_once():
    x, conditions, subjects = table()
    auc = auc_of(x, conditions, subjects, "mahalanobis")
    pairs, _, _ = pairs_of_different_subjects(x, conditions, subjects)
    assert auc.n_same + auc.n_different == len(pairs)


def test_error_rates_are_those_of_the_roc_curve():
    x, conditions, subjects = clouds({"a": 30, "b": 30}, gap=2.0)
    check, spreads = measure_verification(ranked(x, conditions, subjects), random_state=0)
    _, same, distances = pairs_of_different_subjects(x, conditions, subjects)
    far, tar, limits = roc_curve(same, -distances, drop_intermediate=False)
    at = np.argmin(np.abs(far - (1 - tar)))
    assert check.equal_error_rate.value == pytest.approx((far[at] + 1 - tar[at]) / 2)
    assert check.threshold == pytest.approx(-limits[at])
    assert check.tar_at_far_1.value == pytest.approx(np.interp(0.01, far, tar), abs=2e-3)
    assert check.tar_at_far_01.value == pytest.approx(np.interp(0.001, far, tar), abs=2e-3)
    for name, figure in (("equal_error_rate", check.equal_error_rate),):
        assert figure.low < figure.value < figure.high
        assert spreads[name].interval() == (figure.low, figure.high)


def test_an_encoder_that_knows_nothing_has_the_error_rates_of_chance():
    check, _ = measure_verification(ranked(np.ones((20, 2)), "ab" * 10, range(20)), random_state=0)
    assert check.equal_error_rate.value == pytest.approx(0.5)
    assert check.tar_at_far_1.value == pytest.approx(0.01)
    assert check.tar_at_far_01.value == pytest.approx(0.001)
