"""Rankings of all cases against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from medsiam.errors import UsageError
from medsiam.evaluation import ranking
from medsiam.evaluation.ranking import precision_among, reciprocal_rank
from tests.evaluation.samples import clouds, ranked


def test_values_equal_plain_loops():
    x, conditions, subjects = clouds({"a": 6, "b": 4, "c": 3}, cases=2)
    found = ranked(x, conditions, subjects)
    distances = cdist(x, x)
    for i in range(len(x)):
        others = [j for j in range(len(x)) if subjects[j] != subjects[i]]
        order = sorted(others, key=lambda j, i=i: distances[i, j])
        right = [conditions[j] == conditions[i] for j in order]
        for k in (5, 10):
            assert found.values[f"precision_at_{k}"][i] == pytest.approx(np.mean(right[:k]))
            few = min(k, sum(right))
            assert found.values[f"precision_at_min_{k}"][i] == pytest.approx(np.mean(right[:few]))
        assert found.values["reciprocal_rank"][i] == pytest.approx(1 / (right.index(True) + 1))
        assert found.nearest[i, : len(order)].tolist() == order
        assert (found.nearest[i, len(order) :] == -1).all()
        assert (found.n_relevant[i], found.n_candidates[i]) == (sum(right), len(order))
        for label, name in enumerate("abc"):
            own = [j for j in order if conditions[j] == name]
            assert found.members[i, label, : len(own)].tolist() == own
            assert np.isinf(found.by_condition[i, label, len(own) :]).all()


def test_a_split_gives_each_pair_a_direction():
    x, conditions, subjects = clouds({"a": 6, "b": 6})
    facts = {"split": ["train", "train", "val"] * 4}
    found = ranked(x, conditions, subjects, facts=facts, bank_split="train", query_split="val")
    assert set(found.pairs[0].tolist()) == {2, 5, 8, 11}
    assert not set(found.pairs[1].tolist()) & {2, 5, 8, 11}
    assert len(found.distances) == 4 * 8
    assert np.isnan(found.values["precision_at_1"][[0, 1]]).all()


def test_other_sources_only():
    x, conditions, subjects = clouds({"a": 6, "b": 6})
    sources = ["x", "y", "z"] * 4
    found = ranked(x, conditions, subjects, facts={"source": sources}, sources="different")
    for a, b in found.pairs.T:
        assert sources[a] != sources[b]
    same = ranked(x, conditions, subjects, facts={"source": sources}, sources="one")
    for a, b in same.pairs.T:
        assert sources[a] == sources[b]


def test_ties_share_their_places():
    distances = np.array([[1.0, 1.0, 2.0, np.inf]])
    relevant = np.array([[True, False, True, True]])
    assert precision_among(distances, relevant, 1)[0] == 0.5
    assert precision_among(distances, relevant, 2)[0] == 0.5
    assert precision_among(distances, relevant, 10)[0] == pytest.approx(2 / 3)
    assert reciprocal_rank(distances, relevant)[0] == pytest.approx((1 + 1 / 2) / 2)
    assert np.isnan(reciprocal_rank(distances, np.zeros((1, 4), bool))[0])


def test_a_sample_of_pairs_is_about_as_large_as_allowed(monkeypatch):
    x, conditions, subjects = clouds({"a": 60, "b": 60})
    monkeypatch.setattr(ranking, "MAX_PAIRS", 3000)
    found = ranked(x, conditions, subjects)
    assert 2500 < len(found.distances) < 3500
    np.testing.assert_array_equal(ranked(x, conditions, subjects).pairs, found.pairs)


def test_nobody_to_be_found_is_a_usage_error():
    with pytest.raises(UsageError, match="at least one condition with two patients"):
        ranked(np.eye(2), "ab", "12")
