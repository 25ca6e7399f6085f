"""Figures against scikit-learn, plain loops, published values and simulated truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from medsiam.distances import shrunk_precision
from medsiam.errors import UsageError
from medsiam.metrics import (
    average_precision,
    balanced_accuracy,
    chance_accuracy,
    cluster_bootstrap,
    influence_interval,
    leave_subject_out,
    majority_accuracy,
    mean_average_precision,
    mean_over_queries,
    nearest_label_accuracy,
    precision_at_k,
    roc_auc,
    wilson_interval,
)


def uneven(seed=0, n=60, d=6):
    """Cases of three conditions, several per subject, some subjects with two conditions."""
    rng = np.random.default_rng(seed)
    labels = np.array(["rare", "usual", "often"])[rng.choice(3, n, p=[0.2, 0.3, 0.5])]
    subjects = np.array([f"patient:{i}" for i in rng.integers(0, 18, n)])
    centres = {"rare": 0.0, "usual": 0.8, "often": 1.6}
    x = rng.normal(size=(n, d)) + np.array([centres[label] for label in labels])[:, None]
    return x, labels, subjects


def test_balanced_accuracy_equals_scikit_learn():
    rng = np.random.default_rng(1)
    truth = np.array(list("aaaaaaabbc"))[rng.integers(0, 10, 50)]
    named = np.array(list("abcd"))[rng.integers(0, 3, 50)]
    assert balanced_accuracy(truth, named) == pytest.approx(balanced_accuracy_score(truth, named))
    with pytest.raises(UsageError, match="pair up"):
        balanced_accuracy(["a"], ["a", "b"])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_nearest_label_accuracy_equals_plain_loops(metric):
    x, labels, subjects = uneven()
    distances = cdist(x, x, metric)
    by_label: dict[str, list[bool]] = {}
    for i in range(len(x)):
        others = [j for j in range(len(x)) if subjects[j] != subjects[i]]
        if any(labels[j] == labels[i] for j in others):
            nearest = min(others, key=lambda j: distances[i, j])
            by_label.setdefault(labels[i], []).append(labels[nearest] == labels[i])
    score = nearest_label_accuracy(x, labels, subjects, metric=metric)
    everything = [hit for hits in by_label.values() for hit in hits]
    assert score.n == len(everything)
    assert score.micro == pytest.approx(np.mean(everything))
    assert score.macro == pytest.approx(np.mean([np.mean(hits) for hits in by_label.values()]))


def test_mean_average_precision_equals_scikit_learn_per_query():
    x, labels, subjects = uneven(2)
    distances = cdist(x, x, "cosine")
    by_label: dict[str, list[float]] = {}
    for i in range(len(x)):
        others = subjects != subjects[i]
        relevant = labels[others] == labels[i]
        if relevant.any():
            value = average_precision_score(relevant, -distances[i, others])
            by_label.setdefault(labels[i], []).append(value)
    score = mean_average_precision(x, labels, subjects)
    everything = [value for values in by_label.values() for value in values]
    assert score.micro == pytest.approx(np.mean(everything))
    assert score.macro == pytest.approx(np.mean([np.mean(v) for v in by_label.values()]))
    assert score.n == len(everything)


def test_the_own_subject_never_answers():
    # Two scans of each patient, nearly alike; across patients only the wrong condition is near.
    x = np.array([[0.0], [0.01], [1.0], [1.01], [100.0], [100.01], [101.0], [101.01]])
    labels = list("aabbaabb")
    subjects = list("11223344")
    assert nearest_label_accuracy(x, labels, subjects, metric="euclidean").micro == 0.0
    alone = [str(i) for i in range(8)]
    assert nearest_label_accuracy(x, labels, alone, metric="euclidean").micro == 1.0


def test_a_condition_of_one_subject_is_not_asked_but_can_be_wrong():
    x = np.array([[0.0], [1.0], [0.4], [0.41]])
    score = nearest_label_accuracy(x, list("aabb"), list("1233"), metric="euclidean")
    assert (score.n, score.micro) == (2, 0.0)


def test_nothing_to_find_is_an_error():
    with pytest.raises(UsageError, match="two patients"):
        nearest_label_accuracy(np.eye(3), list("abc"), list("123"))
    with pytest.raises(UsageError, match="one each"):
        nearest_label_accuracy(np.eye(3), list("ab"), list("123"))


def test_a_collapsed_encoder_scores_chance_in_any_order_of_the_table():
    x = np.ones((40, 4))
    labels = np.repeat(["a", "b"], [10, 30])
    subjects = np.arange(40).astype(str)
    expected = (10 * 9 / 39 + 30 * 29 / 39) / 40
    for order in (np.arange(40), np.arange(40)[::-1]):
        arguments = (x[order], labels[order], subjects[order])
        assert nearest_label_accuracy(*arguments).micro == pytest.approx(expected)
        assert mean_average_precision(*arguments).micro == pytest.approx(expected)


def test_mahalanobis_never_learns_from_the_subject_that_asks():
    x, labels, subjects = uneven(3, n=80)
    codes = np.unique(subjects, return_inverse=True)[1]
    seen = []
    for queries, distances in leave_subject_out(x, labels, subjects, metric="mahalanobis"):
        folds = {int(code) % 10 for code in codes[queries]}
        assert len(folds) == 1
        others = codes % 10 != folds.pop()
        assert not set(codes[others]) & set(codes[queries])
        precision = shrunk_precision(x[others], labels[others])
        expected = cdist(x[queries], x, "mahalanobis", VI=precision)
        expected[codes[queries, None] == codes[None, :]] = np.inf
        np.testing.assert_allclose(distances, expected, rtol=1e-9)
        seen += queries.tolist()
    assert sorted(seen) == list(range(80))
    wide = np.hstack([x, np.random.default_rng(0).normal(size=(80, 200))])
    assert 0 < nearest_label_accuracy(wide, labels, subjects, metric="mahalanobis").macro < 1
    with pytest.raises(UsageError, match="two subjects"):
        nearest_label_accuracy(x[:3], labels[:3], ["1"] * 3, metric="mahalanobis")


def test_blocks_do_not_change_a_ranking(monkeypatch):
    x, labels, subjects = uneven(5)
    whole = mean_average_precision(x, labels, subjects)
    monkeypatch.setattr("medsiam.metrics._BLOCK_DISTANCES", 130)
    assert len(list(leave_subject_out(x, labels, subjects, metric="cosine"))) == 30
    assert mean_average_precision(x, labels, subjects) == whole


def test_precision_at_k_takes_no_more_places_than_there_are_relevant_cases():
    distances = np.array([[1.0, 2, 3, 4, np.inf]])
    relevant = np.array([[True, False, True, False, True]])  # the last one is no candidate
    for k, expected in ((1, 1.0), (2, 0.5), (3, 0.5), (50, 0.5)):
        assert precision_at_k(distances, relevant, k) == pytest.approx([expected])
    assert np.isnan(precision_at_k(distances, np.zeros((1, 5), bool), 1)).all()
    with pytest.raises(UsageError, match="at least 1"):
        precision_at_k(distances, relevant, 0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_tied_places_are_shared_as_over_all_orders(k):
    distances = np.array([2.0, 1, 2, 2, 5])
    relevant = np.array([True, False, False, True, True])
    over_orders = []
    for order in itertools.permutations(range(5)):
        ranked = sorted(order, key=lambda i: distances[i])
        over_orders.append(np.mean(relevant[ranked[:k]]))
    found = precision_at_k(distances[None], relevant[None], k)
    assert found == pytest.approx([np.mean(over_orders)])


def test_average_precision_with_ties_equals_scikit_learn():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 4, (30, 12)).astype(float)
    relevant = rng.random((30, 12)) < 0.4
    relevant[:, 0] = True
    expected = [average_precision_score(r, -d) for r, d in zip(relevant, distances, strict=True)]
    np.testing.assert_allclose(average_precision(distances, relevant), expected)
    assert np.isnan(average_precision(distances, np.zeros_like(relevant))).all()


def test_mean_over_queries_leaves_unanswered_ones_out():
    score = mean_over_queries([1.0, 0.0, np.nan, 1.0], ["a", "a", "b", "c"])
    assert (score.micro, score.macro, score.n) == (pytest.approx(2 / 3), 0.75, 3)


def test_roc_auc_with_ties_equals_scikit_learn():
    rng = np.random.default_rng(3)
    positive = rng.random(200) < 0.3
    scores = rng.integers(0, 6, 200) + positive
    assert roc_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    for scores, positive in (([1.0, 2], [True, True]), ([1.0, np.nan], [True, False])):
        with pytest.raises(UsageError, match="at least one positive"):
            roc_auc(scores, positive)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_has_the_published_values(k, n, low, high):
    assert wilson_interval(k, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_interval_mirrors_and_refuses():
    low, high = wilson_interval(3, 10)
    assert wilson_interval(7, 10) == (pytest.approx(1 - high), pytest.approx(1 - low))
    for k, n in ((-1, 3), (4, 3), (0, 0)):
        with pytest.raises(UsageError, match="share"):
            wilson_interval(k, n)


def test_cluster_bootstrap_covers_the_truth_where_a_plain_interval_does_not():
    rng = np.random.default_rng(0)
    truth, n_subjects, n_cases, runs = 0.6, 30, 8, 200
    covered = plain = 0
    subjects = np.repeat(np.arange(n_subjects), n_cases)
    for run in range(runs):
        # A subject is easy or hard: its cases come out nearly alike. The mean is the truth.
        skill = rng.beta(1.2, 0.8, n_subjects)
        values = (rng.random((n_subjects, n_cases)) < skill[:, None]).ravel().astype(float)
        low, high = cluster_bootstrap(values, subjects, n_resamples=400, random_state=run)
        covered += low <= truth <= high
        low, high = wilson_interval(values.sum(), len(values))
        plain += low <= truth <= high
    assert 0.90 <= covered / runs <= 0.985
    assert plain / runs < 0.85


def test_cluster_bootstrap_equals_a_plain_loop_of_the_macro_mean():
    rng = np.random.default_rng(7)
    subjects = rng.integers(0, 12, 60)
    labels = rng.choice(list("ab"), 60, p=[0.8, 0.2])
    values = rng.random(60)
    weights = rng.integers(1, 5, 60)
    scores = []
    for _ in range(3000):
        drawn = rng.choice(np.unique(subjects), 12)
        rows = np.concatenate([np.flatnonzero(subjects == s) for s in drawn])
        scores.append(
            np.mean(
                [
                    np.average(values[rows][own], weights=weights[rows][own])
                    for c in "ab"
                    if (own := labels[rows] == c).any()
                ]
            )
        )
    low, high = cluster_bootstrap(values, subjects, labels=labels, weights=weights)
    width = high - low
    expected = np.quantile(scores, [0.025, 0.975])
    assert [low, high] == pytest.approx(expected, abs=0.08 * width)


def test_cluster_bootstrap_repeats_and_depends_on_its_seed():
    values, subjects = np.random.default_rng(0).random(40), np.arange(40) // 4
    first = cluster_bootstrap(values, subjects)
    assert cluster_bootstrap(values, subjects) == first
    assert cluster_bootstrap(values, subjects, random_state=1) != first
    holes = np.append(values, [np.nan] * 3)
    assert cluster_bootstrap(holes, np.append(subjects, [98, 99, 99])) == first


def test_all_right_is_no_certainty():
    subjects = np.repeat(np.arange(5), 100)  # 500 cases of 5 subjects
    assert cluster_bootstrap(np.ones(500), subjects) == wilson_interval(5, 5)
    assert cluster_bootstrap(np.zeros(500), subjects) == wilson_interval(0, 5)
    with pytest.raises(UsageError, match="at least two"):
        cluster_bootstrap(np.ones(9), np.zeros(9))


def test_influence_interval_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).random(25)
    moves = (values - values.mean()) / 25  # derivative of a mean by the weight of each value
    half = 1.959964 * values.std(ddof=1) / 5
    low, high = influence_interval(values.mean(), moves)
    assert (low, high) == (
        pytest.approx(values.mean() - half, abs=1e-6),
        pytest.approx(values.mean() + half, abs=1e-6),
    )
    wider = influence_interval(values.mean(), moves, extra=0.01)
    assert wider[1] - wider[0] == pytest.approx(2 * np.hypot(half, 1.959964 * 0.1), abs=1e-6)


def test_influence_interval_at_the_ends():
    assert influence_interval(0.95, [0.5, -0.5])[1] == 1.0
    assert influence_interval(1.0, np.zeros(7)) == wilson_interval(7, 7)
    assert influence_interval(0.0, np.zeros(7)) == wilson_interval(0, 7)
    with pytest.raises(UsageError, match="at least two"):
        influence_interval(0.5, [0.1])


def test_chance_and_majority():
    labels = ["a"] * 6 + ["b"] * 3 + ["c"]
    assert math.isclose(chance_accuracy(labels), 1 / 3)
    assert math.isclose(majority_accuracy(labels), 0.6)
    always = ["a"] * 10
    assert balanced_accuracy(labels, always) == pytest.approx(chance_accuracy(labels))
