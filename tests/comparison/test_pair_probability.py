"""Probabilities of pairs, on patients they were not fitted on."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.comparison import pair_probability as module
from medsiam.comparison.combined import fit_combined
from medsiam.comparison.leave_patient_out import leave_patients_out
from medsiam.comparison.pair_probability import (
    drawn_matches,
    measure_probabilities,
    out_of_fold,
)
from medsiam.comparison.yardstick import case_arrays
from tests.comparison.stub_bank import make_bank


@pytest.fixture(scope="module")
def found():
    random = np.random.default_rng(0)
    centres = random.normal(size=(4, 5))
    vectors = [centres[i // 2 % 4] + 0.7 * random.normal(size=5) for i in range(240)]
    rows = [(f"c{i}", "ABCD"[i // 2 % 4], f"p{i // 2}") for i in range(240)]
    bank = make_bank(*rows, embeddings=vectors)
    return leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")


def test_no_patient_is_in_the_fit_that_answers_him(found, monkeypatch):
    fitted = []
    monkeypatch.setattr(
        module, "fit_combined", lambda part: fitted.append(part) or fit_combined(part)
    )
    given = out_of_fold(found)
    assert given.sum(axis=1) == pytest.approx(np.ones(240))
    folds = fitted[1:]
    assert len(folds) == 5
    assert sum(240 - len(part.rows) for part in folds) == 240
    for part in folds:
        gone = set(found.patients.tolist()) - set(part.patients.tolist())
        assert 240 - len(part.rows) == 2 * len(gone)


def test_better_than_what_people_make_up(found):
    answers = out_of_fold(found)
    result = measure_probabilities(found, answers, fit_combined(found))
    assert result.brier < min(result.brier_base, result.brier_one_less, result.brier_inverse)
    assert result.brier < result.brier_distance
    assert result.reliability.n_answers == 240 * 5
    assert result.reliability.ece < 0.05
    assert 0.85 < result.coverage.value < 0.95
    assert 1 <= result.set_size < 4
    assert [entry.limit is not None for entry in result.limits] == [True] * 4
    shown = answers[np.arange(240), found.matches[:, 0]]
    right = found.matches[:, 0] == found.truth
    assert np.mean(shown) == pytest.approx(right.mean(), abs=0.06)


def test_drawn_matches_come_as_often_as_given():
    given = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    shown, rows = np.array([0, 1, 2, 1]), np.array([0, 0, 0, 1])
    drawn = drawn_matches(given, shown, rows)
    assert drawn.mean(axis=0) == pytest.approx([0.2, 0.5, 0.3, 1.0], abs=0.1)
    assert (drawn[:, :3].sum(axis=1) == 1).all()  # one truth for all pairs of a query
