"""Unknown conditions against plain loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score

from medsiam.evaluation.open_set import measure_open_set
from tests.evaluation.samples import clouds, ranked


def test_each_condition_is_left_out_in_turn():
    x, conditions, subjects = clouds({"a": 12, "b": 9, "c": 8}, gap=3.0, cases=2)
    found, _ = measure_open_set(ranked(x, conditions, subjects), random_state=0)
    distances, names, owners = cdist(x, x), np.array(conditions), np.array(subjects)
    expected, rates = {}, []
    for left_out in "abc":
        nearest = np.array(
            [distances[i, (names != left_out) & (owners != owners[i])].min() for i in range(len(x))]
        )
        unknown = names == left_out
        expected[left_out] = roc_auc_score(unknown, nearest)
        limit = np.quantile(nearest[~unknown], 0.95, method="higher")
        rates.append(np.mean(nearest[unknown] <= limit))
    assert found.by_condition == pytest.approx(expected)
    assert found.auroc.value == pytest.approx(np.mean(list(expected.values())))
    assert found.fpr95.value == pytest.approx(np.mean(rates))
    assert found.auroc.low < found.auroc.value < found.auroc.high


def test_random_embeddings_score_chance():
    values = []
    for seed in range(9):
        x, conditions, subjects = clouds({"a": 25, "b": 25, "c": 25}, gap=0.0, seed=seed)
        found, _ = measure_open_set(ranked(x, conditions, subjects), random_state=0)
        values.append((found.auroc.value, found.fpr95.value))
    error = np.std(values, axis=0) / 3
    assert (np.abs(np.mean(values, axis=0) - [0.5, 0.95]) < 4 * error + 0.01).all()


def test_a_condition_of_one_subject_is_never_a_known_query():
    x, conditions, subjects = clouds({"a": 5, "b": 1})
    found, _ = measure_open_set(ranked(x, conditions, subjects), random_state=0)
    assert list(found.by_condition) == ["b"]  # without a, nobody known asks
