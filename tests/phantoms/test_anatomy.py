from __future__ import annotations

import numpy as np
import pytest

from medsiam.phantoms.anatomy import AIR, draw_ct, draw_radiograph


def grid(*shape: int) -> np.ndarray:
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("draw", "shape"), [(draw_radiograph, (41, 31)), (draw_ct, (21, 19, 17))])
def test_a_patient_looks_alike_at_any_voxel_size(draw, shape):
    p = grid(*shape)
    coarse = (slice(None, None, 2),) * len(shape)
    fine, half = draw(p, rng()), draw(np.ascontiguousarray(p[:, *coarse]), rng())
    assert fine.shape == shape
    assert fine.dtype == np.float32
    np.testing.assert_allclose(fine[coarse], half, atol=2e-3 if len(shape) == 3 else 1e-5)


@pytest.mark.parametrize(("draw", "shape"), [(draw_radiograph, (41, 31)), (draw_ct, (21, 19, 17))])
def test_two_patients_differ(draw, shape):
    first, second = draw(grid(*shape), rng(0)), draw(grid(*shape), rng(1))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] < 0.99


def test_ct_has_air_outside_and_tissue_and_bone_inside():
    volumes = [draw_ct(grid(41, 41, 21), rng(seed)) for seed in range(4)]
    for volume in volumes:
        assert volume[0, 0].tolist() == [AIR] * 21
        assert np.median(volume[15:26, 15:26]) == pytest.approx(60, abs=80)
        assert volume.max() > 250
        assert volume.min() >= AIR


def test_radiograph_has_dark_lungs_beside_a_bright_spine():
    images = np.stack([draw_radiograph(grid(41, 41), rng(seed)) for seed in range(8)])
    mean = images.mean(axis=0)
    spine, left, right = mean[20, 12:25].mean(), mean[29, 12:20].mean(), mean[11, 12:20].mean()
    assert spine > left + 0.5
    assert spine > right + 0.5
