"""The bank's own limit against plain loops over patients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from medsiam.comparison import novelty
from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.novelty import limit_without, nearest_others, nearest_percentile
from medsiam.comparison.space import Space

EUCLIDEAN = Space("euclidean")


def random_bank(n=60, n_patients=14, seed=0) -> CaseArrays:
    random = np.random.default_rng(seed)
    patients = np.concatenate([np.arange(n_patients), random.integers(0, n_patients, n)])[:n]
    return CaseArrays(
        np.array([f"c{i:02d}" for i in range(n)]),
        random.choice(["A", "B"], n),
        patients,
        random.normal(size=(n, 5)),
    )


def loop_distances(cases: CaseArrays, kept=None) -> list[float]:
    """For each kept case: the Euclidean distance to the nearest kept case of another patient."""
    rows = [i for i in range(len(cases)) if kept is None or kept[i]]
    return [
        min(
            math.dist(cases.embeddings[i], cases.embeddings[j])
            for j in rows
            if cases.patients[j] != cases.patients[i]
        )
        for i in rows
    ]


def loop_percentile(values: list[float]) -> float:
    """The smallest value that at least 95 of 100 do not exceed, by NumPy's "higher" rank."""
    return sorted(values)[math.ceil(0.95 * (len(values) - 1))]


def test_nearest_others_never_looks_at_the_own_patient():
    cases = random_bank()
    found = nearest_others(cases, cases.embeddings, EUCLIDEAN)
    assert found.distances == pytest.approx(loop_distances(cases))
    assert (cases.patients[found.nearest] != cases.patients[found.rows]).all()


def test_nearest_others_in_small_blocks_is_the_same(monkeypatch):
    cases = random_bank()
    whole = nearest_others(cases, cases.embeddings, EUCLIDEAN)
    monkeypatch.setattr(novelty, "_CELLS_AT_ONCE", 7 * len(cases))
    assert (
        nearest_others(cases, cases.embeddings, EUCLIDEAN).distances.tolist()
        == whole.distances.tolist()
    )


def test_large_banks_are_measured_at_evenly_spread_cases(monkeypatch):
    monkeypatch.setattr(novelty, "MAX_MEASURED", 10)
    cases = random_bank()
    found = nearest_others(cases, cases.embeddings, EUCLIDEAN)
    assert len(found.rows) == 10
    assert (found.rows[0], found.rows[-1]) == (0, 59)
    every = np.array(loop_distances(cases))
    assert found.distances == pytest.approx(every[found.rows])


def limit(cases, keep):
    others = nearest_others(cases, cases.embeddings, EUCLIDEAN)
    return limit_without(others, cases, cases.embeddings, EUCLIDEAN, keep=keep)


def test_limit_of_the_whole_bank():
    cases = random_bank()
    found = limit(cases, np.ones(60, bool))
    assert found.value == pytest.approx(loop_percentile(loop_distances(cases)))
    assert "60 cases of 14 patients" in found.source
    assert "95th percentile" in found.source


@pytest.mark.parametrize("patient", range(4))
def test_limit_is_as_if_the_own_patient_had_never_been_added(patient):
    cases = random_bank(seed=patient)
    keep = cases.patients != patient
    expected = loop_percentile(loop_distances(cases, keep))
    assert limit(cases, keep).value == pytest.approx(expected)


def test_a_lone_rare_patient_does_not_set_his_own_limit():
    cases = random_bank(n=20, n_patients=20)
    cases.embeddings[7] += 1000
    with_him = limit(cases, np.ones(20, bool)).value
    without = limit(cases, cases.patients != 7).value
    assert with_him > 500  # the rank "higher" of 20 cases is the largest distance
    assert without < 10


def test_percentile_is_a_measured_distance_on_the_high_side():
    values = np.arange(1.0, 101.0)
    assert nearest_percentile(values) == 96.0  # 0.95 * 99 = 94.05: the 95th index
    assert nearest_percentile(np.array([3.0])) == 3.0


@pytest.mark.parametrize("n_patients", [1, 9])
def test_too_few_patients_give_no_limit_and_the_reason(n_patients):
    cases = random_bank(n=20, n_patients=n_patients)
    found = limit_without(None, cases, cases.embeddings, EUCLIDEAN, keep=np.ones(20, bool))
    assert found.value is None
    assert found.source.startswith(f"too few patients (n={n_patients}) to know how far apart")


def test_leaving_out_the_own_patient_can_make_them_too_few():
    cases = random_bank(n=20, n_patients=10)
    assert limit(cases, np.ones(20, bool)).value is not None
    found = limit(cases, cases.patients != 3)
    assert found.value is None
    assert "n=9" in found.source
