"""Two evaluations of the same cases, figure by figure."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.evaluation import EpisodeProtocol, compare_evaluations, evaluate
from tests.evaluation.samples import clouds


def measured(gap, **settings):
    x, conditions, subjects = clouds({"a": 15, "b": 15}, gap=gap, seed=3)
    protocol = EpisodeProtocol(**{"n_shots": (1, 5), "n_episodes": 100, **settings})
    return evaluate(x, conditions=conditions, subjects=subjects, protocol=protocol)


def test_a_better_encoder_is_better_in_every_figure():
    better, worse = measured(4.0), measured(0.3)
    found = {d.measure: d for d in compare_evaluations(better, worse)}
    assert {"few_shot.5", "retrieval.precision_at_1", "verification.auc"} <= set(found)
    for measure in ("few_shot.5", "retrieval.mean_average_precision", "verification.auc"):
        assert found[measure].low > 0
        assert found[measure].p < 0.05
    mirrored = {d.measure: d for d in compare_evaluations(worse, better)}
    assert mirrored["few_shot.5"].value == pytest.approx(-found["few_shot.5"].value)


def test_an_encoder_does_not_differ_from_itself():
    one = measured(1.0)
    for difference in compare_evaluations(one, measured(1.0)):
        assert (difference.value, difference.p) == (0, 1)
    assert all(np.isfinite(spread.value) for spread in one.spreads.values())


def test_other_cases_cannot_be_compared():
    with pytest.raises(UsageError, match="same cases and protocol"):
        compare_evaluations(measured(1.0), measured(1.0, n_query=3))


def test_as_many_cases_of_other_subjects_cannot_be_compared():
    x, conditions, subjects = clouds({"a": 15, "b": 15}, gap=1.0, seed=3)
    protocol = EpisodeProtocol(n_shots=(1,), n_episodes=20)
    first, second = (
        evaluate(x, conditions=conditions, subjects=order, protocol=protocol)
        for order in (subjects, subjects[::-1])
    )
    assert first.counts == second.counts
    with pytest.raises(UsageError, match="same cases and protocol"):
        compare_evaluations(first, second)
