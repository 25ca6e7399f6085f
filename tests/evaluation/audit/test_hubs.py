"""Hubs and orphans against plain counts, and planted ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew

from medsiam.evaluation.audit.hubs import measure_hubs
from medsiam.evaluation.audit.neighbours import find_neighbours
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot, shared_patients


def measured(snapshot):
    found = as_cases(snapshot)
    return measure_hubs(found, find_neighbours(found))


def test_occurrences_are_counted_over_the_five_nearest_patients():
    snapshot = shared_patients()
    found, hubs = as_cases(snapshot), measured(snapshot)
    counts = np.zeros(len(found), dtype=int)
    for distances in found.distances:
        seen: list[int] = []
        for case in np.argsort(distances, kind="stable"):
            patient = int(found.patients[case])
            if np.isfinite(distances[case]) and patient not in seen and len(seen) < 5:
                seen.append(patient)
                counts[case] += 1
    assert hubs.occurrences == tuple(counts)
    assert hubs.skewness == pytest.approx(skew(counts))
    assert hubs.n_never == int((counts == 0).sum())


def test_a_case_in_the_middle_of_everything_is_a_hub():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 40))
    x[7] = 0  # in many dimensions the centre is nearest to all
    hubs = measured(make_snapshot(x, ["LAM"] * 20 + ["PAP"] * 40, range(60))).hubs
    assert hubs[0].case_id == "case-007"
    assert (hubs[0].n_near, hubs[0].n_wrong) == (59, 40)


def test_a_case_far_from_everything_is_an_orphan():
    snapshot = clusters(apart=1)
    x = snapshot.embeddings.copy()
    x[3] += 300
    (orphan,) = measured(
        make_snapshot(x, [case.condition for case in snapshot.cases], range(24))
    ).orphans
    assert orphan.case_id == "case-003"
    assert orphan.ratio > 50
    assert measured(snapshot).orphans == ()


def test_equal_embeddings_have_neither():
    hubs = measured(make_snapshot(np.ones((8, 3)), ["LAM", "PAP"] * 4, range(8)))
    assert hubs.orphans == ()
