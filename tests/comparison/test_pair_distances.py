from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from medsiam.comparison import pair_distances
from tests.comparison.stub_bank import make_bank, ring_bank


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_pairs_by_plain_loops(metric):
    bank = ring_bank(20, conditions=("A", "B", "C"))
    found = pair_distances(bank, metric)
    distances = cdist(bank.embeddings, bank.embeddings, metric)
    same, different = [], []
    for i, j in combinations(range(len(bank.cases)), 2):
        if bank.cases[i].patient == bank.cases[j].patient:
            continue
        alike = bank.cases[i].condition == bank.cases[j].condition
        (same if alike else different).append(distances[i, j])
    assert found.same == pytest.approx(np.sort(same), abs=1e-6)
    assert found.different == pytest.approx(np.sort(different), abs=1e-6)
    nearest = [
        min(
            distances[i, j]
            for j in range(len(bank.cases))
            if bank.cases[i].condition != bank.cases[j].condition
        )
        for i in range(len(bank.cases))
    ]
    assert found.nearest_different == pytest.approx(np.sort(nearest), abs=1e-6)
    probe = float(np.median(different))
    assert found.farther(probe) == int(100 * np.mean(np.array(different) > probe + 1e-9))
    assert found.caveat is None


def test_words_count_pairs_and_never_promise_a_hundred():
    bank = ring_bank(12)
    found = pair_distances(bank, "euclidean")
    first, second = found.sentences(0.0)
    assert "Nearer than 99 of 100 unrelated pairs" in first
    assert "of this bank, 99 lie farther" in second
    assert found.farther(1e9) == 0
    assert found.nearest_farther(1e9) == 0


def test_a_case_without_patient_is_a_patient_of_its_own():
    bank = make_bank(("a", "A", None), ("b", "B", None), embeddings=[[0.0, 1.0], [1.0, 0.0]])
    found = pair_distances(bank, "euclidean")
    assert found.different == pytest.approx([2**0.5])
    assert not len(found.same)


def test_one_condition_leaves_nothing_to_hold_it_against():
    bank = ring_bank(6, conditions=("A",))
    found = pair_distances(bank, "cosine")
    assert found.farther(0.1) is None
    assert "no unrelated pairs" in found.sentences(0.1)[0]


def test_with_mahalanobis_one_half_teaches_and_the_other_asks():
    bank = ring_bank(24, conditions=("A", "B", "C"), seed=5)
    found = pair_distances(bank, "mahalanobis")
    patients = [case.case_id[:7] for case in bank.cases]
    conditions = [case.condition for case in bank.cases]
    teaches = {}
    for name in "ABC":
        own = sorted({p for p, c in zip(patients, conditions, strict=True) if c == name})
        teaches |= {patient: number % 2 for number, patient in enumerate(own)}
    same, different = [], []
    for half in (0, 1):
        rows = [i for i, patient in enumerate(patients) if teaches[patient] == half]
        taught = bank.embeddings[rows].astype(float)
        centred = np.concatenate(
            [
                taught[[conditions[i] == name for i in rows]]
                - taught[[conditions[i] == name for i in rows]].mean(axis=0)
                for name in "ABC"
            ]
        )
        spread = LedoitWolf(assume_centered=True).fit(centred)
        for i in set(range(len(patients))) - set(rows):
            for j in rows:
                step = bank.embeddings[i].astype(float) - bank.embeddings[j]
                distance = float(step @ spread.precision_ @ step) ** 0.5
                (same if conditions[i] == conditions[j] else different).append(distance)
    assert found.same == pytest.approx(np.sort(same), rel=1e-3)
    assert found.different == pytest.approx(np.sort(different), rel=1e-3)
    assert "the other half asked" in found.sentences(1.0)[-1]


def test_a_small_bank_says_that_its_own_cases_taught_it():
    found = pair_distances(ring_bank(6), "mahalanobis")
    assert "these very cases taught" in found.sentences(1.0)[-1]


def test_a_large_bank_is_sampled_evenly(monkeypatch):
    import importlib

    module = importlib.import_module("medsiam.comparison.pair_distances")
    monkeypatch.setattr(module, "MOST_CASES", 10)
    found = pair_distances(ring_bank(20), "cosine")
    assert found.n_cases == 10
    assert len(found.same) + len(found.different) <= 45
