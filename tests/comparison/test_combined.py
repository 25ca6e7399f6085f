"""The fit against SciPy's optimiser, and what it must not do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from medsiam.comparison.combined import Combined, fit_combined, n_answerable
from medsiam.comparison.leave_patient_out import LeftOut, leave_patients_out, mean_nearest
from medsiam.comparison.yardstick import case_arrays
from tests.comparison.stub_bank import make_bank, ring_bank


def clouds(n_patients=40, *, spread=1.0, seed=0) -> LeftOut:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(3, 6))
    vectors = [centres[i % 3] + spread * random.normal(size=6) for i in range(n_patients)]
    rows = [(f"c{i}", "ABC"[i % 3], f"p{i}") for i in range(n_patients)]
    bank = make_bank(*rows, embeddings=vectors)
    return leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")


def by_scipy(found: LeftOut) -> Combined:
    near, far = mean_nearest(found.nearest), found.to_prototype
    units = [np.median(np.diff(np.sort(x, axis=1)[:, :2], axis=1)) for x in (near, far)]
    rows = np.arange(len(near))

    def cost(w):
        scores = -(w[0] * near / units[0] + w[1] * far / units[1])
        return -log_softmax(scores, axis=1)[rows, found.truth].sum() + 0.05 * (w @ w)

    a, b = minimize(cost, [1.0, 1.0], bounds=[(0, None)] * 2, options={"ftol": 1e-14}).x / units
    return Combined(a / (a + b), 1 / (a + b))


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_fit_is_the_most_likely_one(seed):
    found = clouds(seed=seed)
    learned, expected = fit_combined(found), by_scipy(found)
    assert learned.share == pytest.approx(expected.share, abs=1e-3)
    assert learned.temperature == pytest.approx(expected.temperature, rel=1e-3)


def test_probabilities_are_a_softmax_of_the_combined_distance():
    learned = Combined(0.25, 0.5)
    nearest = np.array([[[1.0, 2.0, 3.0], [4.0, np.inf, np.inf], [np.inf] * 3]])
    distances = learned.distances(nearest, np.array([[6.0, 4.0, np.inf]]))
    assert distances.tolist() == [[0.25 * 2 + 0.75 * 6, 4.0, np.inf]]
    given = learned.probabilities(distances)[0]
    assert given[:2] == pytest.approx(softmax([-5.0 / 0.5, -4.0 / 0.5]))
    assert given[2] == 0


def test_every_patient_weighs_the_same():
    bank = ring_bank(30, conditions=("A", "B", "C"))
    found = leave_patients_out(case_arrays(bank.snapshot()), metric="euclidean")
    twice = found.only(np.repeat([True], len(found.rows)))
    assert found.weights.sum() == 30
    assert fit_combined(twice) == fit_combined(found)


def test_patients_told_apart_without_doubt_stay_finite():
    learned = fit_combined(clouds(spread=0.01))
    assert 0 < learned.temperature < np.inf
    assert 0 <= learned.share <= 1


def test_too_few_patients_teach_nothing():
    assert fit_combined(clouds(19)) is None
    assert fit_combined(clouds(20)) is not None
    assert n_answerable(clouds(19)) == 19


def test_one_condition_is_no_choice():
    bank = ring_bank(30, conditions=("A",))
    found = leave_patients_out(case_arrays(bank.snapshot()), metric="cosine")
    assert n_answerable(found) == 0
    assert fit_combined(found) is None
