"""A wrong label is named first; the fit without a patient is the fit without a patient."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.audit.label_conflicts import (
    condition_distances,
    find_label_conflicts,
    leave_patient_out_margin,
)
from medsiam.evaluation.audit.neighbours import find_neighbours
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot, shared_patients


def conflicts(snapshot):
    found = as_cases(snapshot)
    return find_label_conflicts(found, find_neighbours(found))


@pytest.mark.parametrize("wrong", [0, 9, 20])
def test_one_wrong_label_is_named_first_and_strongly(wrong):
    snapshot = clusters(8, apart=6)
    names = [case.condition for case in snapshot.cases]
    true = names[wrong]
    names[wrong] = "PAP" if true != "PAP" else "UIP"
    first, *others = conflicts(make_snapshot(snapshot.embeddings, names, range(24)))
    assert (first.rank, first.case_id) == (1, f"case-{wrong:03d}")
    assert (first.condition, first.looks_like) == (names[wrong], true)
    assert first.strong
    assert (first.n_own, first.n_other) == (0, 5)
    assert not any(other.strong for other in others)


def test_right_labels_are_not_strongly_doubted():
    assert conflicts(clusters(8, apart=8)) == ()
    for seed in range(5):
        assert sum(c.strong for c in conflicts(clusters(12, apart=3, seed=seed))) <= 1


def test_mean_distances_are_over_as_many_patients_of_both():
    found = as_cases(shared_patients())
    own, others = condition_distances(found)
    for i in range(len(found)):
        nearest = []
        for label in range(3):
            to_each = [
                found.distances[i][(found.patients == p) & (found.labels == label)].min(
                    initial=np.inf
                )
                for p in range(found.n_patients)
            ]
            nearest.append(sorted(d for d in to_each if np.isfinite(d))[:5])
        mine = nearest[found.labels[i]]
        for label in range(3):
            m = min(len(mine), len(nearest[label]))
            assert own[i, label] == pytest.approx(np.mean(mine[:m]))
            assert others[i, label] == pytest.approx(np.mean(nearest[label][:m]))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_closed_form_is_a_fit_without_the_patient(metric):
    found = as_cases(shared_patients(), metric)
    x = found.embeddings
    if metric == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    x = x - x.mean(axis=0)
    scale = np.mean((x**2).sum(axis=1))
    weights = 1 / np.bincount(found.labels)[found.labels]
    weights = weights / weights.mean()
    target = np.eye(3)[found.labels]
    target = target - target.mean(axis=0)
    margins = leave_patient_out_margin(found)
    for patient in range(found.n_patients):
        out = found.patients == patient
        a, w = x[~out] / np.sqrt(scale), np.diag(weights[~out])
        # Weighted ridge regression in its primal form.
        b = np.linalg.solve(a.T @ w @ a + np.eye(x.shape[1]), a.T @ w @ target[~out])
        for row, predicted in zip(np.flatnonzero(out), x[out] / np.sqrt(scale) @ b, strict=True):
            own = found.labels[row]
            assert margins[row] == pytest.approx(np.delete(predicted, own).max() - predicted[own])


def test_a_condition_of_one_patient_has_no_conflict_of_its_own():
    rng = np.random.default_rng(0)
    names = ["LAM"] * 6 + ["PAP"]
    x = rng.normal(size=(7, 3))
    assert "case-006" not in {c.case_id for c in conflicts(make_snapshot(x, names, range(7)))}
    assert conflicts(make_snapshot(x, ["LAM"] * 7, range(7))) == ()
    assert conflicts(make_snapshot(np.ones((7, 3)), names, range(7))) == ()
