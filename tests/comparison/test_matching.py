"""Ranking cases against plain sorting and loops."""

from __future__ import annotations

import numpy as np

from medsiam.comparison.matching import (
    CaseArrays,
    nearest_of_each_patient,
    patient_codes,
    rank_by_distance,
)


def test_order_is_by_distance_then_case_id():
    random = np.random.default_rng(0)
    distances = random.integers(0, 5, 200) / 4  # many ties
    case_ids = np.array([f"c{n}" for n in random.permutation(200)])
    expected = sorted(range(200), key=lambda i: (distances[i], case_ids[i]))
    assert rank_by_distance(distances, case_ids).tolist() == expected


def test_order_does_not_depend_on_the_order_of_the_bank():
    random = np.random.default_rng(1)
    distances = random.integers(0, 3, 50) / 2
    case_ids = np.array([f"case {n:02d}" for n in range(50)])
    shuffled = random.permutation(50)
    plain = case_ids[rank_by_distance(distances, case_ids)]
    again = case_ids[shuffled][rank_by_distance(distances[shuffled], case_ids[shuffled])]
    assert plain.tolist() == again.tolist()


def test_a_case_without_patient_is_a_patient_of_its_own():
    codes = patient_codes(["x", None, "y", "x", None])
    assert codes[0] == codes[3]
    assert len(set(codes.tolist())) == 4


def test_nearest_case_of_each_patient_in_order():
    random = np.random.default_rng(2)
    patients = random.integers(0, 12, 60)
    order = random.permutation(60)
    seen: set[int] = set()
    expected = [i for i in order if not (patients[i] in seen or seen.add(patients[i]))]
    assert nearest_of_each_patient(order, patients).tolist() == expected


def test_only_keeps_all_columns_together():
    cases = CaseArrays(
        np.array(["a", "b", "c"]), np.array(["X", "Y", "X"]), np.array([0, 1, 0]), np.eye(3)
    )
    kept = cases.only(np.array([True, False, True]))
    assert kept.case_ids.tolist() == ["a", "c"]
    assert kept.conditions.tolist() == ["X", "X"]
    assert kept.n_patients == 1
    assert kept.embeddings.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert cases.only(np.ones(3, bool)) is cases
