"""Retrieval against its definitions, chance, and fresh samples of patients."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.retrieval import half_samples, measure_retrieval
from medsiam.metrics import mean_average_precision, nearest_label_accuracy, wilson_interval
from tests.evaluation.samples import clouds, ranked


def table(seed=0, n=50, n_subjects=20):
    rng = np.random.default_rng(seed)
    subjects = np.array([f"patient:{i}" for i in rng.integers(0, n_subjects, n)])
    conditions = np.array(["a", "b", "c"])[rng.choice(3, n, p=[0.6, 0.3, 0.1])]
    # Cases of one subject resemble each other, whatever their condition.
    own = {subject: rng.normal(size=4) for subject in np.unique(subjects)}
    x = 0.5 * rng.normal(size=(n, 4)) + np.array([own[s] for s in subjects])
    return x + 0.8 * np.array(["abc".index(c) for c in conditions])[:, None], conditions, subjects


def measure(x, conditions, subjects, metric="euclidean"):
    return measure_retrieval(ranked(x, conditions, subjects, metric), random_state=0)[0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_figures_equal_their_definitions(metric):
    x, conditions, subjects = table()
    found = measure(x, conditions, subjects, metric)
    first = nearest_label_accuracy(x, conditions, subjects, metric=metric)
    average = mean_average_precision(x, conditions, subjects, metric=metric)
    assert found.precision_at_1.value == pytest.approx(first.macro)
    assert found.precision_at_1_micro.value == pytest.approx(first.micro)
    assert found.mean_average_precision.value == pytest.approx(average.macro)
    assert found.mean_average_precision_micro.value == pytest.approx(average.micro)
    assert found.precision_at_1.n_queries == first.n
    assert found.precision_at_1.majority == pytest.approx(1 / 3)
    assert found.precision_at_1_micro.majority == np.mean(conditions == "a")
    assert found.precision_at_10.majority is None
    for figure in vars(found).values():
        assert figure.low < figure.value < figure.high


def test_perfect_rankings_keep_the_doubt_of_few_subjects():
    x = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    found = measure(x, np.array(list("aaabbb")), np.array(list("123456")))
    assert found.precision_at_1.value == found.mean_average_precision.value == 1.0
    assert found.mean_reciprocal_rank.value == found.precision_at_min_5.value == 1.0
    assert found.precision_at_5.value == pytest.approx(2 / 5)  # two cases cannot fill five places
    assert found.precision_at_1.low == wilson_interval(6, 6)[0]


def test_random_embeddings_score_the_stated_chance():
    values = []
    for seed in range(30):
        x, conditions, subjects = clouds({"a": 20, "b": 12, "c": 8}, gap=0, seed=seed)
        found = measure(x, conditions, subjects)
        values.append([figure.value for figure in vars(found).values()])
    chance = [figure.chance for figure in vars(found).values()]
    error = np.std(values, axis=0) / np.sqrt(30)
    assert (np.abs(np.mean(values, axis=0) - chance) < 4 * error).all()


def test_half_samples_foretell_the_spread_over_new_patients():
    values, foretold = [], []
    labels, owners = np.repeat(["0", "1"], 16), np.arange(32)
    for seed in range(30):
        x = np.random.default_rng(seed).normal(size=(32, 6)) + 0.5 * (labels == "1")[:, None]
        found = ranked(x, labels, owners)
        halves = half_samples(found, random_state=seed)
        names = ("precision_at_1", "precision_at_5", "mean_reciprocal_rank")
        plain = ("precision_at_1", "precision_at_5", "reciprocal_rank")
        values.append([np.nanmean(found.values[name]) for name in plain])
        foretold.append([np.std(halves[name]) for name in names])
    ratio = np.mean(foretold, axis=0) / np.std(values, axis=0)
    assert (ratio > 0.8).all()
    assert (ratio < 1.8).all()  # rather too wide than too narrow


def test_places_near_the_size_of_a_condition_are_not_foretold_too_narrow():
    values, foretold = [], []
    labels = np.repeat(["0", "1"], 12)
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(24, 6)) + 0.5 * (labels == "1")[:, None]
        found = ranked(x, labels, np.arange(24))
        values.append(np.nanmean(found.values["precision_at_10"]))
        foretold.append(np.std(half_samples(found, random_state=seed)["precision_at_10"]))
    assert np.mean(foretold) > 0.8 * np.std(values)
