"""Threshold and probability against plain counting and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from medsiam.distances import pairwise_distances
from medsiam.training.verification import fit_verification


def clouds(n_per_condition: int, *, apart: float, conditions: int = 3, seed: int = 0):
    """Unit-length points of a few conditions, two scans of each subject."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(conditions, 8)) * apart
    names = np.repeat([f"c{i}" for i in range(conditions)], n_per_condition)
    x = np.repeat(centres, n_per_condition, axis=0) + random.normal(size=(len(names), 8))
    subjects = [f"s{i // 2}" for i in range(len(names))]
    return x / np.linalg.norm(x, axis=1, keepdims=True), list(names), subjects


def pair_by_pair(x, names, subjects, metric="cosine"):
    distances = pairwise_distances(x, x, metric=metric)
    pairs = [
        (distances[i, j], names[i] == names[j])
        for i in range(len(x))
        for j in range(i)
        if subjects[i] != subjects[j]
    ]
    return np.array([d for d, _ in pairs]), np.array([same for _, same in pairs])


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_as_many_errors_of_one_kind_as_of_the_other(metric):
    x, names, subjects = clouds(20, apart=0.8)
    card = fit_verification(x, names, subjects, metric=metric, measured_on="clouds")
    distances, same = pair_by_pair(x, names, subjects, metric)
    accepted = np.mean(distances[~same] <= card.threshold)
    missed = np.mean(distances[same] > card.threshold)
    assert accepted == pytest.approx(missed, abs=1 / min(same.sum(), (~same).sum()))
    assert 0.05 < accepted < 0.45
    assert f"{(accepted + missed) / 2:.3f} of same and of different pairs" in card.measured_on
    assert card.metric == metric
    assert (card.n_pairs, card.n_subjects) == (len(distances), 30)
    assert card.reason is None


def test_platt_as_scikit_learn_fits_it():
    x, names, subjects = clouds(20, apart=0.8)
    card = fit_verification(x, names, subjects, metric="cosine", measured_on="clouds")
    distances, same = pair_by_pair(x, names, subjects)
    # A smoothed target is one example of each answer, weighted by it.
    target = np.where(same, (same.sum() + 1) / (same.sum() + 2), 1 / ((~same).sum() + 2))
    weight = np.where(same, 1 / same.sum(), 1 / (~same).sum()) * len(same)
    model = LogisticRegression(C=1e9, tol=1e-10, max_iter=10_000)
    model.fit(
        np.tile(distances, 2)[:, None],
        np.repeat([1, 0], len(distances)),
        sample_weight=np.concatenate([weight * target, weight * (1 - target)]),
    )
    assert card.slope == pytest.approx(model.coef_[0, 0], rel=1e-3)
    assert card.intercept == pytest.approx(model.intercept_[0], rel=1e-3)
    assert card.slope < 0


def test_probabilities_are_as_often_right_as_they_say():
    card = fit_verification(*clouds(40, apart=0.8), metric="cosine", measured_on="clouds")
    distances, same = pair_by_pair(*clouds(40, apart=0.8))
    probability = 1 / (1 + np.exp(-(card.slope * distances + card.intercept)))
    weight = np.where(same, 1 / same.sum(), 1 / (~same).sum())  # as often same as different
    for low, high in [(0, 0.3), (0.3, 0.7), (0.7, 1)]:
        inside = (probability >= low) & (probability < high)
        told = np.average(probability[inside], weights=weight[inside])
        true = np.average(same[inside], weights=weight[inside])
        assert told == pytest.approx(true, abs=0.1)


def test_kinds_that_never_overlap_give_a_finite_curve_and_no_error():
    x, names, subjects = clouds(12, apart=50)
    card = fit_verification(x, names, subjects, metric="cosine", measured_on="clouds")
    distances, same = pair_by_pair(x, names, subjects)
    assert distances[same].max() < card.threshold < distances[~same].min()
    assert "0.000 of same" in card.measured_on
    assert np.isfinite([card.slope, card.intercept]).all()
    at_zero = 1 / (1 + np.exp(-card.intercept))
    assert 0.9 < at_zero < 1


def test_the_interval_holds_the_error_of_many_other_subjects():
    card = fit_verification(*clouds(16, apart=0.8, seed=0), metric="cosine", measured_on="here")
    assert "95 % interval over subjects" in card.measured_on
    low, high = card.measured_on.split("over subjects ")[1].split(";")[0].split(" to ")
    x, names, _ = clouds(150, apart=0.8, seed=0)  # the same centres
    distances, same = pair_by_pair(x, names, list(range(len(x))))
    thresholds = np.quantile(distances, np.linspace(0, 1, 200))
    errors = [(np.mean(distances[~same] <= t), np.mean(distances[same] > t)) for t in thresholds]
    true = np.mean(min(errors, key=lambda e: abs(e[0] - e[1])))
    assert float(low) <= true <= float(high)


def test_scans_of_one_subject_are_never_a_pair():
    x, names, subjects = clouds(20, apart=0.8)
    twice = np.concatenate([x, x])  # every scan again, under its own subject
    once = fit_verification(x, names, subjects, metric="cosine", measured_on="m")
    again = fit_verification(twice, names * 2, subjects * 2, metric="cosine", measured_on="m")
    assert again.n_pairs == 4 * once.n_pairs
    assert again.threshold == pytest.approx(once.threshold, abs=1e-9)


@pytest.mark.parametrize(
    ("conditions", "subjects", "reason"),
    [
        (["a"] * 20, range(20), "two conditions"),
        (["a", "b"] * 10, [i // 4 for i in range(20)], "5 subjects, at least 10"),
        (["a"] * 19 + ["b"], range(20), "19 of two"),
        ([f"c{i}" for i in range(20)], range(20), "0 pairs of one condition"),
    ],
)
def test_too_little_gives_no_threshold_but_the_reason(conditions, subjects, reason):
    x = np.random.default_rng(0).normal(size=(20, 4))
    names = [f"s{subject}" for subject in subjects]
    card = fit_verification(x, conditions, names, metric="cosine", measured_on="tiny part")
    assert card.threshold is card.slope is card.intercept is None
    assert reason in card.reason
    assert card.measured_on == "tiny part"


def test_embeddings_that_put_the_same_far_apart_give_no_threshold():
    x = np.tile(np.eye(10), (2, 1))  # condition a and condition b at the same ten points
    names = ["a"] * 10 + ["b"] * 10
    card = fit_verification(
        x, names, [f"s{i}" for i in range(20)], metric="cosine", measured_on="m"
    )
    assert card.threshold is None
    assert "not clearly nearer" in card.reason


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1.0])
def test_embeddings_that_say_nothing_give_no_threshold(noise):
    names = ["a"] * 15 + ["b"] * 15
    subjects = [f"s{i}" for i in range(30)]
    x = 1 + noise * np.random.default_rng(3).normal(size=(30, 4))
    card = fit_verification(x, names, subjects, metric="cosine", measured_on="m")
    assert card.threshold is None
    assert "chance 0.5" in card.reason


def test_many_scans_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr("medsiam.training.verification._MOST_SCANS", 30)
    card = fit_verification(*clouds(40, apart=0.8), metric="cosine", measured_on="m")
    assert card.threshold is not None
    assert 400 < card.n_pairs <= 30 * 29 / 2
