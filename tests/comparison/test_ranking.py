"""The whole ranking against SciPy's distances and plain sorting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.comparison.ranking import rank
from medsiam.comparison.yardstick import yardstick
from tests.comparison.stub_bank import ring_bank


def distances_to(measured, query, metric):
    vectors = measured.cases.embeddings.astype(float)
    root = measured.space.root
    extra = {"VI": root.T @ root} if metric == "mahalanobis" else {}
    return cdist(query[np.newaxis].astype(float), vectors, metric, **extra)[0]


def ranked(measured, query, keep, *, k, rule, calibrated=None, level=0.9):
    point = measured.space.points(query[np.newaxis])
    distances = measured.space.distances(point, measured.points)[0]
    return rank(point[0], distances, measured, keep, calibrated, k=k, rule=rule, level=level)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "mahalanobis"])
@pytest.mark.parametrize("rule", ["nearest", "vote", "prototype"])
def test_matches_and_conditions(metric, rule):
    bank = ring_bank(15, conditions=("A", "B", "C"), seed=3)
    measured = yardstick(bank, bank.snapshot(), metric)
    keep = measured.cases.patients != 4
    query = np.random.default_rng(8).normal(size=6).astype(np.float32)
    ranking = ranked(measured, query, keep, k=7, rule=rule)

    expected = distances_to(measured, query, metric)
    near = sorted(np.flatnonzero(keep), key=lambda i: (expected[i], bank.cases[i].case_id))
    best = list({bank.cases[i].patient: i for i in reversed(near)}.values())[::-1]
    best = sorted(best, key=near.index)[:7]
    assert [m.case_id for m in ranking.matches] == [bank.cases[i].case_id for i in best]
    assert [m.rank for m in ranking.matches] == list(range(1, 8))
    assert [m.distance for m in ranking.matches] == pytest.approx(expected[best], abs=1e-9)
    assert {m.n_further_cases for m in ranking.matches} == {1}
    for match in ranking.matches:
        case = next(case for case in bank.cases if case.case_id == match.case_id)
        assert (match.condition, match.patient) == (case.condition, case.patient)
    for entry in ranking.conditions:
        own = [i for i in near if bank.cases[i].condition == entry.condition]
        assert entry.nearest_case_id == bank.cases[own[0]].case_id
        assert entry.n_patients == len({bank.cases[i].patient for i in own})
    assert sum(e.votes for e in ranking.conditions) == pytest.approx(1)
    assert sum(e.prototype_share for e in ranking.conditions) == pytest.approx(1)
    figure = {
        "nearest": [e.distance for e in ranking.conditions],
        "vote": [-e.votes for e in ranking.conditions],
        "prototype": [e.prototype_distance for e in ranking.conditions],
    }[rule]
    assert figure == sorted(figure)
    assert ranking.n_voters == 7
    # Its own cases taught the mahalanobis spread, so that they set no limit.
    assert (ranking.limit.value is None) == (metric == "mahalanobis")


def test_no_more_voters_than_patients():
    bank = ring_bank(3)
    measured = yardstick(bank, bank.snapshot(), "cosine")
    ranking = ranked(measured, bank.embeddings[0], np.ones(6, bool), k=99, rule="nearest")
    assert ranking.n_voters == 3
    assert len(ranking.matches) == 3
    assert ranking.limit.value is None
