"""Prototypes from inner products are those of plain means."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.distances import pairwise_distances
from medsiam.evaluation.audit.prototypes import prototype_spaces
from tests.evaluation.audit.samples import as_cases, make_snapshot, shared_patients


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_distances_to_prototypes_without_the_own_patient(metric):
    found = as_cases(shared_patients(), metric)
    drawn = np.arange(found.n_patients) % 3 != 0
    (space,) = prototype_spaces(found)
    distances = space.distances(drawn)
    for i in range(len(found)):
        for label in range(3):
            means = [
                found.embeddings[(found.labels == label) & (found.patients == patient)].mean(axis=0)
                for patient in np.flatnonzero(drawn)
                if patient != found.patients[i]
                and ((found.labels == label) & (found.patients == patient)).any()
            ]
            if not means:
                assert distances[i, label] == np.inf
                continue
            centre = np.mean(means, axis=0, keepdims=True)
            expected = pairwise_distances(found.embeddings[i : i + 1], centre, metric=metric)[0, 0]
            expected = expected**2 if metric == "euclidean" else expected
            assert distances[i, label] == pytest.approx(expected)


def test_equal_prototypes_share_the_hit():
    found = as_cases(make_snapshot(np.ones((6, 3)), ["LAM", "PAP", "UIP"] * 2, range(6)))
    (space,) = prototype_spaces(found)
    assert space.hits(np.ones(6, dtype=bool)) == pytest.approx(np.full(6, 1 / 3))


def test_mahalanobis_has_a_space_for_each_fold():
    found = as_cases(shared_patients(), "mahalanobis")
    spaces = prototype_spaces(found)
    asked = np.concatenate([space.queries for space in spaces])
    assert sorted(asked.tolist()) == list(range(len(found)))
    assert len(spaces) == 10
