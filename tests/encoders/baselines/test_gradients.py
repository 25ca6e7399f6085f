"""Gradient histograms: directions, invariance to brightness, both dimensions."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.encoders.baselines.gradients import gradient_axes, gradient_vector
from medsiam.scans.scan import Scan


def scan(values):
    return Scan(array=np.ascontiguousarray(values, np.float32), spatial_dims=values.ndim)


def ramp(angle, size=64):
    x, y = np.mgrid[:size, :size]
    return np.cos(np.deg2rad(angle)) * x + np.sin(np.deg2rad(angle)) * y


@pytest.mark.parametrize(("dims", "n"), [(2, 9), (3, 10)])
def test_axes_are_unit_vectors_spread_evenly(dims, n):
    axes = gradient_axes(dims)
    assert axes.shape == (n, dims)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1)
    among = np.abs(axes @ axes.T)
    np.fill_diagonal(among, 0)
    np.testing.assert_allclose(among.max(axis=1), among.max())  # all have equally near neighbours


@pytest.mark.parametrize("angle", [0, 40, 100, 160])
def test_a_ramp_votes_for_its_direction(angle):
    votes = gradient_vector(scan(ramp(angle))).numpy().reshape(-1, 4, 9).sum(axis=(0, 1))
    assert votes.argmax() == angle // 20
    turned = gradient_vector(scan(ramp(angle + 180))).numpy()
    np.testing.assert_allclose(turned, gradient_vector(scan(ramp(angle))).numpy(), atol=1e-4)


def test_between_two_directions_the_vote_is_shared():
    votes = gradient_vector(scan(ramp(50))).numpy().reshape(-1, 4, 9).sum(axis=(0, 1))
    assert votes[2] == pytest.approx(votes[3], rel=1e-2)
    assert votes[[2, 3]].sum() > 0.99 * votes.sum()


def test_brightness_and_contrast_do_not_count():
    values = np.random.default_rng(0).random((64, 64))
    same = gradient_vector(scan(7 * values + 100)).numpy()
    np.testing.assert_allclose(same, gradient_vector(scan(values)).numpy(), atol=1e-4)


def test_volumes_have_vectors_of_their_own():
    volume = np.mgrid[:40, :40, :20][2].astype(np.float64)
    vector = gradient_vector(scan(volume)).numpy()
    assert vector.shape == (2160,)
    votes = vector.reshape(-1, 8, 10).sum(axis=(0, 1))
    along = np.abs(gradient_axes(3)[:, 2])
    assert set(np.flatnonzero(votes > 1e-3)) <= set(np.flatnonzero(along > 0.5))
    assert gradient_vector(scan(np.ones((30, 30)))).abs().max() == 0
    assert gradient_vector(scan(ramp(0))).shape == (1764,)
