"""Distances leave the own patient out; roles are patients in conditions."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.distances import pairwise_distances
from medsiam.errors import NothingToDoError, UsageError
from medsiam.evaluation.audit.cases import AuditCases, n_blocks, nearest_of_groups
from medsiam.metrics import leave_subject_out
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot, shared_patients


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_distances_are_those_of_other_patients(metric):
    snapshot = shared_patients()
    found = as_cases(snapshot, metric)
    plain = pairwise_distances(snapshot.embeddings, snapshot.embeddings, metric=metric)
    for i, a in enumerate(snapshot.cases):
        for j, b in enumerate(snapshot.cases):
            expected = np.inf if a.patient == b.patient else plain[i, j]
            assert found.distances[i, j] == pytest.approx(expected)


def test_mahalanobis_learns_from_other_patients_as_the_evaluation_does():
    found = as_cases(shared_patients(), "mahalanobis")
    blocks = leave_subject_out(found.embeddings, found.labels, found.patients, metric="mahalanobis")
    for queries, distances in blocks:
        assert np.allclose(found.distances[queries], distances)


def test_roles_are_patients_in_conditions():
    found = as_cases(shared_patients())
    pairs = {(int(a), int(b)) for a, b in zip(found.patients, found.labels, strict=True)}
    roles = zip(found.role_patients, found.role_labels, strict=True)
    assert {(int(a), int(b)) for a, b in roles} == pairs
    for role in range(len(pairs)):
        expected = found.distances[:, found.roles == role].min(axis=1)
        assert (found.to_roles[:, role] == expected).all()
    assert found.patients_per_condition.tolist() == [
        len(np.unique(found.patients[found.labels == label])) for label in range(3)
    ]


def test_a_case_without_patient_is_its_own():
    snapshot = make_snapshot(np.eye(3), ["LAM", "LAM", "PAP"], [None, None, "p"])
    assert as_cases(snapshot).n_patients == 3


def test_progress_comes_as_often_as_announced():
    told = []
    snapshot = clusters(40)
    AuditCases.of(snapshot, metric="cosine", advance=lambda: told.append(1))
    assert 0 < len(told) <= n_blocks(snapshot, metric="cosine")


def test_what_cannot_be_audited_is_said():
    with pytest.raises(NothingToDoError, match="0 patients: an audit compares patients"):
        as_cases(make_snapshot(np.empty((0, 4)), [], []))
    with pytest.raises(NothingToDoError, match="1 patients"):
        as_cases(make_snapshot(np.eye(2), ["LAM", "PAP"], ["p", "p"]))
    with pytest.raises(UsageError, match="did you mean cosine"):
        as_cases(clusters(), "cosin")


def test_nearest_of_groups():
    d = np.array([[3.0, 1.0, 2.0, 9.0]])
    assert nearest_of_groups(d, np.array([1, 0, 1, 2])).tolist() == [[1.0, 2.0, 9.0]]
