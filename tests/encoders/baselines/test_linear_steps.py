"""Whitening and LDA leave the variance they should."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.encoders.baselines.linear_steps import discriminants, whitened


def base(seed=0):
    """Three conditions that differ along the first axis; the second varies widely within them."""
    rng = np.random.default_rng(seed)
    conditions = np.repeat(list("abc"), 40)
    x = rng.normal(size=(120, 5)) * [1, 6, 1, 1, 1]
    x[:, 0] += 6 * np.repeat([0, 1, 2], 40)
    return x.astype(np.float32), conditions.tolist()


def test_lda_divides_out_what_varies_within_conditions():
    x, conditions = base()
    turned = discriminants(x, x, conditions)
    assert turned.shape == x.shape
    within = np.mean([turned[i : i + 40].var(axis=0) for i in (0, 40, 80)], axis=0)
    assert within.max() / within.min() < 6  # it was 36
    centres = np.stack([turned[i : i + 40].mean(axis=0) for i in (0, 40, 80)])
    assert np.argmax(np.ptp(centres, axis=0)) == 0  # the most telling axis comes first


def test_whitening_does_not_look_at_conditions():
    x, _ = base()
    variances = whitened(x, x).var(axis=0)
    assert variances.max() / variances.min() < 12
    assert whitened(x[:3], x).mean() == pytest.approx(whitened(x, x)[:3].mean(), abs=1e-4)


def test_other_rows_are_turned_by_what_the_base_taught():
    x, conditions = base()
    other, _ = base(1)
    together = discriminants(np.vstack([x, other]), x, conditions)
    np.testing.assert_allclose(together[120:], discriminants(other, x, conditions), atol=1e-4)
