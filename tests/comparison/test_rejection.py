"""Leaving conditions out, against plain loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medsiam.comparison.combined import fit_combined
from medsiam.comparison.leave_patient_out import leave_patients_out
from medsiam.comparison.rejection import measure_rejection
from medsiam.comparison.yardstick import case_arrays
from tests.comparison.stub_bank import ring_bank


def measured(conditions=("A", "B", "C")):
    bank = ring_bank(36, conditions=conditions, seed=4)
    found = leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")
    learned = fit_combined(found)
    return found, learned.distances(found.nearest, found.to_prototype)


def test_equals_plain_loops():
    found, scores = measured()
    result = measure_rejection(scores, found)
    least = scores.min(axis=1)
    assert np.mean(least > result.threshold) <= 0.05
    assert result.known_rejected.value == pytest.approx(np.mean(least > result.threshold))
    passed, aurocs = [], []
    for code in range(3):
        without = np.delete(scores, code, axis=1).min(axis=1)
        unknown = found.truth == code
        passed += (without[unknown] <= result.threshold).tolist()
        aurocs.append(roc_auc_score(unknown, without))
    assert result.unknown_accepted.value == pytest.approx(np.mean(passed))
    assert result.auroc == pytest.approx(np.mean(aurocs))
    assert result.low <= result.auroc <= result.high
    assert result.known_rejected.n_patients == result.unknown_accepted.n_patients == 36
    assert result.known_rejected.low < result.known_rejected.value < result.known_rejected.high


def test_a_bank_of_one_condition_cannot_be_measured():
    bank = ring_bank(36, conditions=("A",))
    found = leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")
    assert measure_rejection(found.to_prototype, found) is None
