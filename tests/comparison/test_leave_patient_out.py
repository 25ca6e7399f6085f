"""Every case as a query without its own patient, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.comparison import leave_patient_out as module
from medsiam.comparison.leave_patient_out import (
    leave_patients_out,
    mean_nearest,
    nearest_three,
)
from medsiam.comparison.matching import CaseArrays
from medsiam.distances import shrunk_precision
from medsiam.errors import UsageError


def bank(n=40, seed=0, d=5) -> CaseArrays:
    random = np.random.default_rng(seed)
    patients = random.integers(0, 15, n)
    conditions = np.array(["A", "B", "C", "D"])[patients % 4]
    conditions[3] = "A"  # one patient has two conditions
    return CaseArrays(
        np.array([f"c{i:02d}" for i in range(n)]), conditions, patients, random.normal(size=(n, d))
    )


def by_loops(cases: CaseArrays, row: int, name: str, metric: str, precision=None):
    """Distances to the patients of one condition and to their mean, the row's own left out."""
    own = cases.patients[row]
    extra = {"VI": precision} if metric == "mahalanobis" else {}

    def distance(vector):
        return cdist(cases.embeddings[row : row + 1], vector[None], metric, **extra)[0, 0]

    near, means = [], []
    for patient in sorted(set(cases.patients.tolist()) - {own}):
        mine = (cases.patients == patient) & (cases.conditions == name)
        if mine.any():
            near.append(min(distance(vector) for vector in cases.embeddings[mine]))
            means.append(cases.embeddings[mine].mean(axis=0))
    near = sorted(near)[:3]
    return near + [np.inf] * (3 - len(near)), distance(np.mean(means, axis=0)) if means else np.inf


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equals_plain_loops(metric):
    cases = bank()
    found = leave_patients_out(cases, metric=metric)
    assert found.conditions == ("A", "B", "C", "D")
    for place, row in enumerate(found.rows):
        assert found.conditions[found.truth[place]] == cases.conditions[row]
        for code, name in enumerate(found.conditions):
            near, prototype = by_loops(cases, row, name, metric)
            assert found.nearest[place, code] == pytest.approx(near, abs=1e-9)
            assert found.to_prototype[place, code] == pytest.approx(prototype, abs=1e-9)


def test_mahalanobis_learns_its_spread_from_other_patients():
    cases = bank(n=60)
    found = leave_patients_out(cases, metric="mahalanobis")
    fold_of = np.unique(cases.patients, return_inverse=True)[1] % 10
    for row in (0, 7, 31):
        others = fold_of != fold_of[row]
        precision = shrunk_precision(cases.embeddings[others], cases.conditions[others])
        for code, name in enumerate(found.conditions):
            near, prototype = by_loops(cases, row, name, "mahalanobis", precision)
            assert found.nearest[row, code] == pytest.approx(near)
            assert found.to_prototype[row, code] == pytest.approx(prototype)


def test_fewer_cases_than_dimensions_change_nothing(monkeypatch):
    cases = bank(n=30, d=50)
    found = leave_patients_out(cases, metric="mahalanobis")
    monkeypatch.setattr(module, "span_coordinates", lambda x: x)
    whole = leave_patients_out(cases, metric="mahalanobis")
    assert found.to_prototype == pytest.approx(whole.to_prototype, rel=1e-6)


def test_matches_are_the_nearest_patients_each_once():
    cases = bank()
    found = leave_patients_out(cases, metric="euclidean")
    distances = cdist(cases.embeddings, cases.embeddings)
    for place, row in enumerate(found.rows):
        seen, expected = {cases.patients[row]}, []
        for other in np.argsort(distances[row]):
            if cases.patients[other] not in seen:
                seen.add(cases.patients[other])
                expected.append((cases.conditions[other], distances[row, other]))
        names = [found.conditions[code] for code in found.matches[place]]
        assert names == [name for name, _ in expected[:5]]
        assert found.match_distances[place] == pytest.approx([d for _, d in expected[:5]])


def test_small_blocks_and_few_asking(monkeypatch):
    cases = bank()
    whole = leave_patients_out(cases, metric="cosine")
    monkeypatch.setattr(module, "_CELLS_AT_ONCE", 100)
    monkeypatch.setattr(module, "MAX_ASKING", 9)
    part = leave_patients_out(cases, metric="cosine")
    assert len(part.rows) == 9
    assert part.nearest.tolist() == whole.nearest[part.rows].tolist()


def test_weights_answerable_and_means():
    cases = bank()
    found = leave_patients_out(cases, metric="cosine")
    assert found.weights.sum() == pytest.approx(len(np.unique(cases.patients)))
    lonely = CaseArrays(
        np.array(["a", "b", "c"]), np.array(["A", "A", "B"]), np.array([0, 1, 2]), np.eye(3)
    )
    assert leave_patients_out(lonely, metric="cosine").answerable.tolist() == [True, True, False]
    near = np.array([[[1.0, 2.0, 6.0], [1.0, np.inf, np.inf], [np.inf] * 3]])
    assert mean_nearest(near).tolist() == [[3.0, 1.0, np.inf]]
    assert nearest_three(near).tolist() == [(1 + 1 + 2) / 3]


def test_one_patient_cannot_be_measured():
    cases = bank()
    alone = cases.only(cases.patients == cases.patients[0])
    with pytest.raises(UsageError, match="one patient"):
        leave_patients_out(alone, metric="cosine")
