"""Intervals and paired differences of figures with influences or resamples."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.spread import Spread, paired_difference
from medsiam.metrics import influence_interval, wilson_interval


def mean_spread(values):
    """Spread of the mean of one value per subject."""
    values = np.asarray(values, dtype=float)
    return Spread(float(values.mean()), (values - values.mean()) / len(values))


def test_intervals_come_from_influences_or_resamples():
    values = np.random.default_rng(0).random(50)
    spread = mean_spread(values)
    assert spread.interval() == influence_interval(spread.value, spread.by_subject)
    resampled = Spread(0.5, np.zeros(50), resamples=np.array([0.4, 0.6] * 50))
    low, high = resampled.interval()
    assert (low, high) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=1e-3)
    assert Spread(1.0, np.zeros(20)).interval() == wilson_interval(20, 20)


def test_the_same_figures_do_not_differ():
    spread = mean_spread(np.random.default_rng(0).random(30))
    found = paired_difference("x", spread, spread, random_state=0)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_pairing_finds_what_intervals_apart_would_miss():
    rng = np.random.default_rng(1)
    ease = rng.random(40) * 0.6 + 0.2
    first, second = mean_spread(ease + 0.05 + rng.normal(0, 0.02, 40)), mean_spread(ease)
    assert first.interval()[0] < second.interval()[1]
    found = paired_difference("x", first, second, random_state=0)
    assert 0 < found.low < found.value < found.high
    assert found.p < 0.01


def test_p_is_honest_where_there_is_no_difference():
    rng = np.random.default_rng(2)
    p = [
        paired_difference("x", *(mean_spread(rng.random(30)) for _ in range(2)), random_state=i).p
        for i in range(100)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.13
    assert 0.3 < np.median(p) < 0.7


def test_resamples_are_paired_one_by_one():
    moves = np.random.default_rng(3).normal(0, 0.1, 300)
    first = Spread(0.7, np.zeros(9), resamples=0.7 + moves)
    second = Spread(0.6, np.zeros(9), resamples=0.6 + moves)
    found = paired_difference("x", first, second, random_state=0)
    assert (found.low, found.high) == pytest.approx((0.1, 0.1))
    assert found.p == pytest.approx(1 / 301)


def test_a_perfect_figure_rests_on_those_who_asked():
    assert Spread(1.0, np.zeros(20), n_asked=7).interval() == wilson_interval(7, 7)


def test_an_unknown_spread_is_as_wide_as_can_be():
    unknown = Spread(0.7, np.zeros(3), resamples=np.full(4, np.nan))
    assert unknown.interval() == (0.0, 1.0)
    known = Spread(0.5, np.zeros(3), resamples=np.full(4, 0.5))
    found = paired_difference("x", unknown, known, random_state=0)
    assert (found.low, found.high, found.p) == (-1, 1, 1)
