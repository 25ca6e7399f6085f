"""Calibration error and Brier score against plain loops and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from medsiam.comparison.reliability import brier, measure_reliability
from medsiam.errors import UsageError


def test_equal_bins_by_plain_loops():
    random = np.random.default_rng(0)
    given = random.random(200)
    right = random.random(200) < given**2
    found = measure_reliability(given, right, np.arange(200))
    order = sorted(range(200), key=lambda i: given[i])
    gaps = [
        abs(np.mean(given[order[i : i + 20]]) - np.mean(right[order[i : i + 20]]))
        for i in range(0, 200, 20)
    ]
    assert found.ece == pytest.approx(np.mean(gaps))
    assert len(found.bins) == 10
    assert found.low <= found.ece <= found.high
    assert found.ece > found.ece_by_luck


def test_perfect_probabilities_err_by_luck_only():
    random = np.random.default_rng(1)
    given = random.random(3000)
    found = measure_reliability(given, random.random(3000) < given, np.arange(3000))
    assert found.ece == pytest.approx(found.ece_by_luck, abs=0.015)


def test_weights_are_repetitions():
    random = np.random.default_rng(2)
    given, right = random.random(50), random.random(50) < 0.5
    times = random.integers(1, 4, 50)
    weighted = brier(given, right, weights=times.astype(float))
    assert weighted == pytest.approx(brier(np.repeat(given, times), np.repeat(right, times)))
    assert brier(given, right) == pytest.approx(brier_score_loss(right, given))


def test_fewer_answers_than_bins():
    with pytest.raises(UsageError, match="at least 10 answers"):
        measure_reliability([0.5] * 9, [True] * 9, np.arange(9))
