"""Measures made comparable: against NumPy, and what is constant says nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsiam.encoders.measure_scale import MeasureScale
from medsiam.errors import UsageError

FAMILIES = ("a", "a", "a", "a", "b")


def test_is_the_identity_until_it_is_fitted():
    x = 1e6 * torch.randn(3, 5)
    torch.testing.assert_close(MeasureScale(FAMILIES)(x), x, rtol=0, atol=0)


def test_is_the_z_score_clipped_with_equal_weight_per_family():
    rng = np.random.default_rng(0)
    x = rng.normal(5, [1, 2, 3, 100, 0.1], (20, 5)).astype(np.float32)
    scale = MeasureScale(FAMILIES)
    scale.fit(torch.from_numpy(x))
    new = rng.normal(5, [9, 2, 3, 100, 0.1], (7, 5)).astype(np.float32)
    z = np.clip((new - x.mean(axis=0)) / x.std(axis=0, ddof=1), -3, 3)
    expected = z * np.array([0.5, 0.5, 0.5, 0.5, 1.0])
    np.testing.assert_allclose(scale(torch.from_numpy(new)).numpy(), expected, atol=1e-4)
    assert np.abs(z).max() == 3  # the clip was needed


def test_a_measure_that_hardly_varies_is_left_out():
    x = torch.randn(10, 5)
    x[:, 2] = 4.0 + 0.001 * x[:, 2]
    scale = MeasureScale(FAMILIES)
    scale.fit(x)
    assert float(scale(torch.full((1, 5), 99.0))[0, 2]) == 0
    assert torch.isfinite(scale(x)).all()


def test_what_was_fitted_is_in_the_state():
    fitted, fresh = MeasureScale(FAMILIES), MeasureScale(FAMILIES)
    fitted.fit(torch.randn(6, 5))
    fresh.load_state_dict(fitted.state_dict())
    x = torch.randn(4, 5)
    torch.testing.assert_close(fresh(x), fitted(x), rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(1, 5), (4, 6), (5,)])
def test_too_few_scans_or_other_measures_are_refused(shape):
    with pytest.raises(UsageError, match="at least two scans"):
        MeasureScale(FAMILIES).fit(torch.zeros(shape))
