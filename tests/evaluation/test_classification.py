"""Official splits and folds against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from medsiam.errors import NothingToDoError
from medsiam.evaluation.classification import (
    _vote,
    linear_probabilities,
    measure_folds,
    measure_official_split,
)
from tests.evaluation.samples import clouds, cohort_of

SIZES = {"a": 30, "b": 20, "c": 16}


def official(x, conditions, subjects, splits, **options):
    cohort = cohort_of(conditions, subjects)
    options = {"metric": "euclidean", "bank": "train", "query": None, **options}
    return measure_official_split(x, cohort, splits, **options)


def test_an_official_split_is_scored_as_scikit_learn_does():
    x, conditions, subjects = clouds(SIZES, gap=2.0)
    names = np.array(conditions)
    splits = np.where(np.arange(len(x)) % 3 == 0, "test", "train")
    found, spreads = official(x, conditions, subjects, splits)
    bank, asks = splits == "train", splits == "test"
    for k, figure in ((1, found.nearest_1), (5, found.nearest_5)):
        model = KNeighborsClassifier(k).fit(x[bank], names[bank])
        expected = balanced_accuracy_score(names[asks], model.predict(x[asks]))
        assert figure.value == pytest.approx(expected, abs=0.03 if k > 1 else 1e-9)  # ties
    means = NearestCentroid().fit(x[bank], names[bank]).predict(x[asks])
    assert found.prototype.value == pytest.approx(balanced_accuracy_score(names[asks], means))
    codes = np.unique(names, return_inverse=True)[1]
    shares = linear_probabilities(x[bank], codes[bank], x[asks], balanced=True, n_conditions=3)
    area = roc_auc_score(names[asks], shares, multi_class="ovr")
    assert found.linear_auc.value == pytest.approx(area)
    assert found.linear_micro.majority == np.mean(names[asks] == "a")
    assert (found.n_bank, found.linear.n_queries) == (bank.sum(), asks.sum())
    for figure in (found.nearest_1, found.linear, found.linear_auc):
        assert figure.low < figure.value <= figure.high
    assert set(spreads) >= {"linear", "linear_auc", "nearest_1"}


def test_a_subject_of_the_bank_does_not_ask():
    x, conditions, subjects = clouds(SIZES, cases=2)
    splits = np.array(["train", "test"] * 66)  # the two cases of each subject
    assert official(x, conditions, subjects, splits) is None


def test_no_split_is_no_figure():
    x, conditions, subjects = clouds(SIZES)
    assert official(x, conditions, subjects, [""] * 66) is None
    assert official(x, conditions, subjects, ["train"] * 66) is None
    only_a = np.where(np.array(conditions) == "a", "train", "test")
    assert official(x, conditions, subjects, only_a) is None


def test_queries_may_be_named():
    x, conditions, subjects = clouds(SIZES)
    splits = np.resize(["train", "val", "test"], 66)
    found, _ = official(x, conditions, subjects, splits, query="val")
    assert found.linear.n_queries == 22


def test_the_linear_probe_is_the_same_in_fewer_dimensions():
    x, _, _ = clouds({"a": 12, "b": 12}, gap=1.0, d=80)
    codes = np.repeat([0, 1], 12)
    wide = linear_probabilities(x, codes, x[:5], balanced=True, n_conditions=2)
    padded = np.hstack([x, np.zeros((24, 5))])
    np.testing.assert_allclose(
        linear_probabilities(padded, codes, padded[:5], balanced=True, n_conditions=2),
        wide,
        atol=1e-4,
    )


def test_every_case_is_named_by_folds_without_its_subject():
    x, conditions, subjects = clouds({"a": 20, "b": 20}, gap=0.0, cases=2)
    x[1::2] = x[::2]  # the second case of a subject is the first again
    cohort = cohort_of(conditions, subjects)
    found, _ = measure_folds(x, cohort, n_folds=5, metric="euclidean", random_state=0)
    assert found.nearest_1.value < 0.75  # a subject in its own bank would give 1
    assert (found.nearest_1.n_queries, found.n_bank) == (80, 64)
    good, _ = measure_folds(*clouds_of_good(), n_folds=5, metric="cosine", random_state=0)
    assert good.linear.value > 0.95
    with pytest.raises(NothingToDoError, match=r"21 folds need as many subjects .* a has 20"):
        measure_folds(x, cohort, n_folds=21, metric="euclidean", random_state=0)


def clouds_of_good():
    x, conditions, subjects = clouds({"a": 20, "b": 20}, gap=8.0)
    return x, cohort_of(conditions, subjects)


def test_chance_counts_every_condition_that_the_bank_can_name():
    x, conditions, subjects = clouds(SIZES)
    splits = np.where(np.arange(66) % 3 == 0, "test", "train")
    splits[np.array(conditions) == "c"] = "train"
    found, _ = official(x, conditions, subjects, splits)
    assert found.nearest_1.chance == pytest.approx(1 / 3)
    assert found.nearest_1.majority == pytest.approx(1 / 2)


def test_a_tied_vote_goes_to_the_nearest_case():
    distances = np.arange(5.0)[None, :]
    for labels, expected in (((1, 0, 0, 1, 2), 1), ((0, 1, 1, 0, 2), 0), ((2, 1, 1, 0, 0), 1)):
        assert _vote(distances, np.array(labels), 3).tolist() == [expected]
