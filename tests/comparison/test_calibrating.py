"""A whole calibration, on banks that a curator might have."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from medsiam.comparison import calibrating as module
from medsiam.comparison.calibrating import calibrate, calibrate_metric
from medsiam.comparison.calibration import newest_calibration
from medsiam.comparison.leave_patient_out import leave_patients_out, nearest_three
from medsiam.comparison.yardstick import case_arrays
from medsiam.errors import BankError, NothingToDoError
from medsiam.metrics import balanced_accuracy
from tests.comparison.stub_bank import make_bank, ring_bank


@pytest.fixture(scope="module")
def measured():
    bank = ring_bank(45, conditions=("A", "B", "C"), seed=1)
    return bank, calibrate(bank)


def test_every_metric_and_rule_is_measured(measured):
    bank, found = measured
    assert [entry.metric for entry in found.metrics] == ["cosine", "euclidean", "mahalanobis"]
    assert (found.n_cases, found.n_patients, found.n_conditions) == (90, 45, 3)
    for entry in found.metrics:
        assert [score.rule for score in entry.rules] == ["combined", "nearest", "vote", "prototype"]
        assert entry.probabilities.brier <= entry.probabilities.brier_one_less
        assert entry.rejection.auroc > 0.8
        assert entry.far_limit > 0
    left_out = leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")
    expected = balanced_accuracy(left_out.truth, left_out.nearest[:, :, 0].argmin(axis=1))
    scores = {score.rule: score for score in found.of("euclidean").rules}
    assert scores["nearest"].accuracy == pytest.approx(expected)
    share = np.mean(nearest_three(left_out.nearest) <= found.of("euclidean").far_limit)
    assert share >= 0.99


def test_a_document_reads_as_it_was_written(measured):
    bank, found = measured
    kept = bank.keep_calibration(found.to_json(), bank_version=1)
    assert newest_calibration(bank) == (kept, found)


def test_the_same_bank_gives_the_same_calibration():
    bank = ring_bank(24)
    assert calibrate(bank).to_json() == calibrate(bank).to_json()


def test_too_few_patients_say_how_many_are_missing():
    entry = calibrate(ring_bank(12)).of("cosine")
    assert entry.probabilities is None
    assert entry.probability_reason.endswith("are needed to learn what a distance means: 8 more")
    assert entry.rejection is None
    assert [score.rule for score in entry.rules] == ["nearest", "vote", "prototype"]


def test_one_condition_leaves_nothing_to_leave_out():
    entry = calibrate(ring_bank(30, conditions=("A",))).of("cosine")
    assert "one condition" in entry.probability_reason
    assert "leaving one condition out" in entry.rejection_reason


def test_one_patient_per_condition_cannot_be_asked():
    vectors = np.random.default_rng(0).normal(size=(12, 4))
    bank = make_bank(*((f"c{i}", f"C{i}", f"p{i}") for i in range(12)), embeddings=vectors)
    entry = calibrate(bank).of("cosine")
    assert entry.rules == ()
    assert entry.probability_reason.startswith("0 patients of this bank share their condition")


def test_a_metric_that_cannot_be_used_is_named():
    bank = make_bank(*((f"c{i}", "AB"[i % 2], f"p{i}") for i in range(4)), embeddings=np.eye(4) * 0)
    found = calibrate(bank)
    assert "mahalanobis" in found.not_measured
    assert found.metric == "cosine"


def test_nothing_to_measure_is_no_calibration():
    vectors = np.random.default_rng(0).normal(size=(4, 4))
    bank = make_bank(*((f"c{i}", f"C{i}", f"p{i}") for i in range(4)), embeddings=vectors)
    with pytest.raises(NothingToDoError, match="no two of its patients share a condition"):
        calibrate(bank)


def metric(name, brier, auroc, low):
    """As much of a measured metric as the choice looks at."""
    return SimpleNamespace(
        metric=name,
        probabilities=SimpleNamespace(brier_conditions=brier),
        rejection=SimpleNamespace(auroc=auroc, low=low),
    )


@pytest.mark.parametrize(
    ("euclidean", "mahalanobis", "chosen"),
    [
        ((0.300, 0.76, 0.71), (0.200, 0.58, 0.54), "cosine"),  # blind to what the bank lacks
        ((0.200, 0.72, 0.67), (0.150, 0.58, 0.54), "euclidean"),
        ((0.299, 0.78, 0.73), (0.310, 0.80, 0.74), "cosine"),  # no better worth naming
        ((0.400, 0.82, 0.79), (0.500, 0.50, 0.45), "euclidean"),  # cosine is clearly worse at it
    ],
)
def test_the_best_probabilities_among_those_that_tell_a_condition_left_out(
    euclidean, mahalanobis, chosen
):
    measured = [
        metric("cosine", 0.300, 0.77, 0.70),
        metric("euclidean", *euclidean),
        metric("mahalanobis", *mahalanobis),
    ]
    assert module._best(measured) == chosen


def test_one_patient_is_refused():
    bank = make_bank(("a", "A", "p"), ("b", "B", "p"), embeddings=np.eye(2))
    with pytest.raises(BankError, match="holds cases of 1 patients"):
        calibrate(bank)


def test_a_rule_is_preferred_only_where_it_is_better_beyond_doubt():
    entry = calibrate_metric(case_arrays(ring_bank(45, seed=3).snapshot()), "euclidean")
    assert entry.rule == "combined"


def test_patients_whose_pictures_are_the_same_count_as_one():
    cases = case_arrays(ring_bank().snapshot())
    joined = module._copies_of_one(cases, ((0, 3), (3, 5)))
    expected = cases.patients.tolist()
    for place, patient in enumerate(cases.patients):
        if patient in (cases.patients[3], cases.patients[5]):
            expected[place] = cases.patients[0]
    assert joined.patients.tolist() == expected
    assert joined.n_patients == cases.n_patients - 2
