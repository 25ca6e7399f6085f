"""Random halves: the variance of a mean comes out right, and the same halves come again."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.halves import over_halves


def test_the_spread_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(0).normal(size=80)
    halves = over_halves(
        lambda drawn: {"mean": float(values[drawn].mean())}, 80, random_state=1, n_halves=2000
    )
    assert np.std(halves["mean"]) == pytest.approx(values.std(ddof=1) / 80**0.5, rel=0.06)


def test_halves_are_halves_and_repeat():
    seen = []

    def figures(drawn):
        seen.append(drawn.copy())
        return {"n": float(drawn.sum())}

    over_halves(figures, 9, random_state=3, n_halves=5)
    over_halves(figures, 9, random_state=3, n_halves=5)
    assert {int(drawn.sum()) for drawn in seen} == {4}
    np.testing.assert_array_equal(seen[:5], seen[5:])


def test_a_half_without_an_answer_moves_nothing():
    numbers = iter([1.0, np.nan, 3.0, np.nan])
    halves = over_halves(lambda _: {"x": next(numbers)}, 4, random_state=0, n_halves=4)
    np.testing.assert_allclose(halves["x"], [1, 2, 3, 2])


def test_too_few_subjects_or_answers_say_nothing():
    few = over_halves(lambda _: {"x": 1.0}, 3, random_state=0, n_halves=4)
    assert np.isnan(few["x"]).all()
    numbers = iter([1.0, np.nan, np.nan, np.nan])
    rare = over_halves(lambda _: {"x": next(numbers)}, 8, random_state=0, n_halves=4)
    assert np.isnan(rare["x"]).all()
