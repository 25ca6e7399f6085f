"""Coverage as promised, and the refusal below the theoretical minimum."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison.conformal import conditions_within, conformal_limit, fewest_patients


@pytest.mark.parametrize(("level", "n"), [(0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99)])
def test_below_the_minimum_there_is_no_limit(level, n):
    assert fewest_patients(level) == n
    given = np.linspace(0.1, 0.9, n)
    assert conformal_limit(given[1:], np.arange(n - 1), level) is None
    assert conformal_limit(given, np.arange(n), level) == pytest.approx(0.1)


def test_coverage_over_many_draws_is_what_was_promised():
    random = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        limit = conformal_limit(random.random(30), np.arange(30), 0.9)
        held.append(random.random() >= limit)
    assert np.mean(held) == pytest.approx(28 / 31, abs=0.02)  # ceil(0.9 * 31) of 31


def test_a_patient_with_many_cases_counts_once():
    once = conformal_limit(np.linspace(0, 1, 20), np.arange(20), 0.9)
    values = np.concatenate([np.linspace(0, 1, 20), np.zeros(50)])
    patients = np.concatenate([np.arange(20), np.zeros(50, int)])
    assert conformal_limit(values, patients, 0.9) == once


def test_a_set_is_never_empty():
    names = ("A", "B", "C")
    assert conditions_within(names, np.array([0.2, 0.5, 0.3]), 0.25) == ("B", "C")
    assert conditions_within(names, np.array([0.2, 0.5, 0.3]), 0.9) == ("B",)
