"""Chance levels against every possible ranking."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from medsiam.evaluation.chance import (
    chance_average_precision,
    chance_precision,
    chance_reciprocal_rank,
    expected_reciprocal_rank,
)

CONDITIONS = list("aaabbbc")
SUBJECTS = list("1123445")


def candidates(i):
    return [j for j in range(7) if SUBJECTS[j] != SUBJECTS[i]]


def counts(i):
    """Relevant and all candidates."""
    return sum(CONDITIONS[j] == CONDITIONS[i] for j in candidates(i)), len(candidates(i))


COUNTS = np.array([counts(i) for i in range(7)]).T


@pytest.mark.parametrize("i", range(6))
def test_expected_average_precision_is_the_mean_over_all_rankings(i):
    relevant = np.array([CONDITIONS[j] == CONDITIONS[i] for j in candidates(i)])
    n, r = len(relevant), int(relevant.sum())
    values = []
    for places in itertools.combinations(range(n), r):  # all equally likely
        found = np.isin(np.arange(n), places)
        values.append(average_precision_score(found, np.arange(n, 0, -1)))
    assert chance_average_precision(*COUNTS)[i] == pytest.approx(np.mean(values))


def test_expected_precision_is_the_share_of_relevant_candidates():
    expected = [np.mean([CONDITIONS[j] == CONDITIONS[i] for j in candidates(i)]) for i in range(6)]
    np.testing.assert_allclose(chance_precision(*COUNTS)[:6], expected)


def test_a_condition_of_one_subject_has_no_chance_level():
    assert np.isnan(chance_precision(*COUNTS)[6])
    assert np.isnan(chance_average_precision(*COUNTS)[6])


def test_one_candidate_that_is_relevant_is_always_found():
    assert chance_average_precision([1, 1], [1, 1]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("i", range(6))
def test_expected_reciprocal_rank_is_the_mean_over_all_rankings(i):
    r, n = counts(i)
    firsts = [1 / (places[0] + 1) for places in itertools.combinations(range(n), r)]
    assert chance_reciprocal_rank(*COUNTS)[i] == pytest.approx(np.mean(firsts))
    later = [1 / (places[0] + 3) for places in itertools.combinations(range(n), r)]
    assert expected_reciprocal_rank(r, n, before=2) == pytest.approx(np.mean(later))
    assert np.isnan(chance_reciprocal_rank(*COUNTS)[6])
