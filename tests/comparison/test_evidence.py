"""The jackknife against comparing again with each patient really taken out."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison import compare_embedding
from medsiam.comparison.calibrating import calibrate
from tests.comparison.stub_bank import make_bank, make_scan, ring_bank


def without(bank, patient):
    """The same bank, one patient never added, the calibration as it was."""
    keep = [i for i, case in enumerate(bank.cases) if case.patient != patient]
    smaller = make_bank(embeddings=np.empty((0, 6)))
    smaller.cases = tuple(bank.cases[i] for i in keep)
    smaller.embeddings, smaller.calibrations = bank.embeddings[keep], bank.calibrations
    return smaller


@pytest.mark.parametrize("rule", ["nearest", "vote", "prototype", "combined"])
def test_equals_taking_each_patient_out(rule):
    bank = ring_bank(24, conditions=("A", "B", "C"), seed=2)
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    random, n_checked = np.random.default_rng(5), 0
    far = bank.embeddings[:3].mean(axis=0) + 3 * random.normal(size=(6, 6))
    near = bank.embeddings[:6:2] + 0.5 * random.normal(size=(3, 6))
    for query in (*far, *near):
        result = compare_embedding(query, make_scan(), bank, metric="euclidean", rule=rule)
        leading, evidence = result.conditions[0], result.evidence
        patients = {c.patient for c in bank.cases if c.condition == leading.condition}
        again = [
            compare_embedding(query, make_scan(), without(bank, p), metric="euclidean", rule=rule)
            for p in patients
        ]
        own = [
            next(e for e in other.conditions if e.condition == leading.condition) for other in again
        ]
        changed = sum(other.conditions[0].condition != leading.condition for other in again)
        assert evidence.n_patients == len(patients)
        assert evidence.n_deciding == len(evidence.deciding_case_ids) == changed
        distances, given = [e.distance for e in own], [e.probability for e in own]
        assert evidence.distance_range == pytest.approx((min(distances), max(distances)))
        if None not in (*given, evidence.probability_range):  # it is none of these
            assert evidence.probability_range == pytest.approx((min(given), max(given)))
            n_checked += 1
        against = (
            next(m for m in result.matches if m.condition != leading.condition)
            if any(m.condition != leading.condition for m in result.matches)
            else None
        )
        if against is not None:
            assert evidence.counter_example.case_id == against.case_id
            assert evidence.counter_example.distance == against.distance
    assert n_checked


def test_one_patient_is_all_there_is():
    bank = make_bank(("a", "A", "p"), ("b", "B", "q"), embeddings=[[1.0, 0.0], [0.0, 1.0]])
    evidence = compare_embedding([1.0, 0.1], make_scan(), bank).evidence
    assert (evidence.condition, evidence.n_patients, evidence.n_deciding) == ("A", 1, 1)
    assert evidence.hangs_on_one_case
    assert evidence.distance_range is None
    assert evidence.counter_example.case_id == "b"


def test_one_condition_has_no_counter_example():
    bank = ring_bank(conditions=("A",))
    evidence = compare_embedding(bank.embeddings[0] + 0.3, make_scan(), bank).evidence
    assert evidence.counter_example is None
    assert not evidence.hangs_on_one_case
