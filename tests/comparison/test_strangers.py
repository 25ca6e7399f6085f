from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space
from medsiam.comparison.strangers import Strangers, nearest_strangers


def test_nearest_of_another_condition_and_patient_by_plain_loops():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(40, 3))
    conditions, patients = random.choice(["A", "B"], 40), random.integers(0, 20, 40)
    cases = CaseArrays(np.arange(40).astype(str), conditions, patients, vectors)
    found = nearest_strangers(cases, vectors, Space("euclidean"))
    distances = cdist(vectors, vectors)
    expected = [
        min(
            distances[i, j]
            for j in range(40)
            if conditions[i] != conditions[j] and patients[i] != patients[j]
        )
        for i in range(40)
    ]
    assert found.distances == pytest.approx(np.sort(expected))
    one = CaseArrays(cases.case_ids, np.full(40, "A"), patients, vectors)
    assert nearest_strangers(one, vectors, Space("euclidean")) is None


def test_of_a_hundred():
    found = Strangers(np.arange(1.0, 101.0))
    assert found.farther(0.5) == 99
    assert found.farther(30.0) == 70
    assert found.farther(500.0) == 0
