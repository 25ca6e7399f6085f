"""A wrong label is named first; the fit without a patient is the fit without a patient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import rankdata

from medsiam.evaluation.audit.label_conflicts import (
    condition_distances,
    find_label_conflicts,
    label_doubts,
    leave_patient_out_margin,
    prototype_margin,
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


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_prototypes_leave_the_patient_out_and_few_patients_are_no_reproach(metric):
    found = as_cases(shared_patients(), metric)
    margins = prototype_margin(found)
    for i, x in enumerate(found.embeddings):
        distances = []
        for label in range(3):
            means = [
                found.embeddings[(found.patients == p) & (found.labels == label)].mean(axis=0)
                for p in range(found.n_patients)
                if p != found.patients[i]
                and ((found.patients == p) & (found.labels == label)).any()
            ]
            centre = np.mean(means, axis=0)
            to = cosine(x, centre) if metric == "cosine" else ((x - centre) ** 2).sum()
            distances.append(to / (1 + 1 / len(means)))
        own = distances.pop(found.labels[i])
        assert margins[i] == pytest.approx(np.log(own / min(distances)))


def test_doubt_is_the_mean_logarithm_of_three_places():
    found = as_cases(shared_patients())
    rng = np.random.default_rng(0)
    ratio = np.round(rng.normal(size=len(found)), 1)  # with equal ones
    views = (ratio, leave_patient_out_margin(found), prototype_margin(found))
    expected = -np.mean([np.log(rankdata(-view) / len(found)) for view in views], axis=0)
    for i in range(len(found)):
        if max(view[i] for view in views) <= 0:
            expected[i] = 0
    doubts = label_doubts(found, ratio)
    assert doubts == pytest.approx(expected)
    assert 0 < (doubts == 0).sum() < len(found)
    ratio[7] = -np.inf
    assert label_doubts(found, ratio)[7] == 0


def test_one_in_twenty_is_listed_but_never_fewer_than_ten_and_every_strong_one():
    rng = np.random.default_rng(0)
    blind = rng.normal(size=(300, 5))
    listed = conflicts(make_snapshot(blind, np.resize(["LAM", "PAP", "UIP"], 300), range(300)))
    assert [entry.rank for entry in listed[:15]] == list(range(1, 16))
    assert all(entry.strong for entry in listed[15:])
    assert len(conflicts(make_snapshot(blind[:60], ["LAM", "PAP"] * 30, range(60)))) == 10
    # Fifteen wrong labels among 120, each condition named by five cases of another.
    snapshot = clusters(40, apart=12)
    names = np.array([case.condition for case in snapshot.cases])
    wrong = np.array([start + step for start in (0, 40, 80) for step in range(5)])
    names[wrong] = np.roll(names, -40)[wrong]
    listed = conflicts(make_snapshot(snapshot.embeddings, names, range(120)))
    assert len(listed) > 10
    assert all(entry.strong for entry in listed[10:])
    assert {c.case_id for c in listed if c.strong} <= {f"case-{i:03d}" for i in wrong}
    assert [entry.score for entry in listed] == sorted((e.score for e in listed), reverse=True)


def test_a_condition_of_one_patient_has_no_conflict_of_its_own():
    rng = np.random.default_rng(0)
    names = ["LAM"] * 6 + ["PAP"]
    x = rng.normal(size=(7, 3))
    assert "case-006" not in {c.case_id for c in conflicts(make_snapshot(x, names, range(7)))}
    assert conflicts(make_snapshot(x, ["LAM"] * 7, range(7))) == ()
    assert conflicts(make_snapshot(np.ones((7, 3)), names, range(7))) == ()
