"""The whole ranking against SciPy's distances and plain sorting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.comparison.ranking import rank
from medsiam.comparison.settings import Settings
from medsiam.comparison.yardstick import yardstick
from tests.comparison.stub_bank import ring_bank


def distances_to(measured, query, metric):
    vectors = measured.cases.embeddings.astype(float)
    extra = {"VI": measured.precision} if metric == "mahalanobis" else {}
    return cdist(query[np.newaxis].astype(float), vectors, metric, **extra)[0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "mahalanobis"])
@pytest.mark.parametrize("rule", ["nearest", "vote", "prototype"])
def test_matches_and_conditions(metric, rule):
    bank = ring_bank(15, conditions=("A", "B", "C"), seed=3)
    measured = yardstick(bank, bank.snapshot(), metric)
    keep = measured.cases.patients != 4
    query = np.random.default_rng(8).normal(size=6).astype(np.float32)
    ranking = rank(query, measured, keep, Settings(7, metric, rule))

    expected = distances_to(measured, query, metric)
    near = sorted(np.flatnonzero(keep), key=lambda i: (expected[i], bank.cases[i].case_id))
    assert [m.case_id for m in ranking.matches] == [bank.cases[i].case_id for i in near[:7]]
    assert [m.rank for m in ranking.matches] == list(range(1, 8))
    assert [m.distance for m in ranking.matches] == pytest.approx(expected[near[:7]], abs=1e-9)
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
    assert ranking.limit.value is not None


def test_no_more_voters_than_patients():
    bank = ring_bank(3)
    measured = yardstick(bank, bank.snapshot(), "cosine")
    settings = Settings(99, "cosine", "nearest")
    ranking = rank(bank.embeddings[0], measured, np.ones(6, bool), settings)
    assert ranking.n_voters == 3
    assert len(ranking.matches) == 6
    assert ranking.limit.value is None
