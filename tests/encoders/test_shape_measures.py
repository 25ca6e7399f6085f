"""Measures of shapes against SciPy, plain loops and bodies whose sizes are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from medsiam.encoders.shape_measures import (
    inside_distance,
    list_shape_measures,
    measure_shapes,
)

ONE = (1.0, 1.0, 1.0)
DEPTHS = (1.2, 1.6, 2.1, 2.6, 3.1, 3.6, 4.1, 4.6, 5.1, 6.1)
RADII = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)


def blob(seed: int = 0, size: tuple[int, ...] = (26, 22, 18)) -> np.ndarray:
    """A bent, uneven structure of one to several voxels thickness, bool."""
    noise = np.random.default_rng(seed).normal(size=size)
    smooth = ndimage.gaussian_filter(noise, 2.0)
    middle = np.ones(size, dtype=bool)
    middle[:3] = middle[-3:] = middle[:, :3] = middle[:, -3:] = False
    middle[..., :3] = middle[..., -3:] = False
    parts, _ = ndimage.label((smooth > 0.04) & middle)
    return parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1


def volume_of(inside: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def measured(inside: np.ndarray, spacing: tuple[float, ...] = ONE) -> np.ndarray:
    return measure_shapes(volume_of(inside), spacing)[0].numpy()


def family(values: np.ndarray, name: str) -> np.ndarray:
    rows = [place for place, what in enumerate(list_shape_measures()) if what.family == name]
    return values[rows]


def distances_in_slices(inside: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    slices = [
        ndimage.distance_transform_edt(np.pad(inside[..., z], 1), sampling=spacing[:2])
        for z in range(inside.shape[2])
    ]
    return np.stack(slices, axis=-1)[1:-1, 1:-1]


@pytest.mark.parametrize("spacing", [ONE, (0.7, 1.3, 2.5)])
def test_distance_is_that_of_scipy(spacing):
    inside = np.pad(blob(), 1)
    found = inside_distance(torch.from_numpy(inside), spacing).numpy()
    expected = ndimage.distance_transform_edt(inside, sampling=spacing)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    in_slices = inside_distance(torch.from_numpy(inside), spacing, axes=(0, 1)).numpy()
    np.testing.assert_allclose(in_slices, distances_in_slices(inside, spacing), rtol=1e-5)


def test_distance_is_exact_up_to_where_it_is_asked_for():
    inside = np.ones((9, 40, 3), dtype=bool)
    inside[4, 20, 1] = False
    found = inside_distance(torch.from_numpy(inside), ONE, up_to=5.0).numpy()
    expected = ndimage.distance_transform_edt(inside)
    near = expected < 5
    assert near.sum() > 50
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-6)
    assert found[~near].min() >= 5


def test_depths_openings_and_thickness_against_scipy():
    inside = blob(3)
    values = measured(inside)
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1, 1:-1]
    flat = distances_in_slices(inside, ONE)
    for name, distance in (("depth", depth), ("depth in slices", flat)):
        expected = [(distance[inside] > limit).mean() for limit in DEPTHS]
        np.testing.assert_allclose(family(values, name), expected, atol=1e-6)
    left = []
    for radius in RADII:
        reached = np.zeros_like(inside)
        for x, y, z in np.argwhere(flat >= radius):  # a disc around every centre, by hand
            near_x, near_y = np.ogrid[: inside.shape[0], : inside.shape[1]]
            reached[..., z] |= (near_x - x) ** 2 + (near_y - y) ** 2 < radius**2
        left.append((reached & inside).sum() / inside.sum())
    np.testing.assert_allclose(family(values, "opening of slices"), left, atol=1e-6)
    assert 0 < left[1] < 1
    thickest = np.array([flat[..., z].max() for z in range(inside.shape[2])])
    thickest = thickest[thickest > 0]
    expected = [
        *np.quantile(flat[inside], (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)),
        *np.quantile(thickest, (0.25, 0.5, 0.75)),
        thickest.mean(),
        thickest.max(),
    ]
    np.testing.assert_allclose(family(values, "thickness of slices"), expected, rtol=1e-5)


def test_crowding_against_scipys_blur():
    inside = blob(4)
    expected = []
    for blur in (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0):
        full = ndimage.gaussian_filter(inside.astype(float), blur, mode="constant", truncate=4)
        own = full[inside]
        expected += [own.mean(), own.std(), *np.quantile(own, (0.1, 0.5, 0.9)), own.max()]
    np.testing.assert_allclose(family(measured(inside), "crowding"), expected, atol=1e-5)


def test_a_box_has_the_size_and_profile_of_a_box():
    inside = np.zeros((12, 50, 12), dtype=bool)
    inside[2:8, 3:43, 4:9] = True  # 6 x 40 x 5 voxels of 1 x 0.5 x 2 mm
    spacing = (1.0, 0.5, 2.0)
    values = measured(inside, spacing)
    surface = 2 * (6 * 20 + 6 * 10 + 20 * 10)
    expected = [math.log(6 * 20 * 10), math.log(surface), *[math.log(6 * 20)] * 2, 10]
    np.testing.assert_allclose(family(values, "size"), expected, rtol=1e-5)
    np.testing.assert_allclose(family(values, "profile"), [math.log1p(150)] * 8, rtol=1e-5)
    assert family(values, "thickness of slices")[-1] == 3.0  # half of 6 mm, voxel to voxel


def test_shift_mirrors_and_a_turn_within_the_slices_change_nothing():
    inside = np.pad(blob(5), 4)
    reference = measured(inside)
    for changed in (
        np.roll(inside, (3, -2, 4), axis=(0, 1, 2)),
        inside[::-1],
        inside[:, ::-1],
        inside[..., ::-1],
        np.rot90(inside, axes=(0, 1)),
    ):
        np.testing.assert_allclose(measured(changed.copy()), reference, rtol=1e-4, atol=1e-4)
    fallen = measured(np.rot90(inside, axes=(0, 2)).copy())
    assert np.abs(fallen - reference).max() > 0.1  # the slice axis matters


def test_the_same_body_in_finer_voxels_has_the_same_sizes():
    def egg(step):
        axes = [np.arange(-14, 14.01, step)] * 3
        x, y, z = np.meshgrid(*axes, indexing="ij")
        return (x / 7) ** 2 + (y / 10) ** 2 + (z / 12) ** 2 < 1

    coarse, fine = measured(egg(1.0)), measured(egg(0.5), (0.5,) * 3)
    np.testing.assert_allclose(family(coarse, "size"), family(fine, "size"), rtol=0.03)
    np.testing.assert_allclose(family(coarse, "profile"), family(fine, "profile"), rtol=0.06)
    assert family(fine, "size")[0] == pytest.approx(math.log(4 / 3 * math.pi * 7 * 10 * 12), 0.01)
    thickest = family(fine, "thickness of slices")[-1]
    assert thickest == pytest.approx(7, abs=0.6)


def test_half_is_the_limit_neighbours_do_not_matter_and_nothing_gives_zeros():
    inside = blob(6)
    graded = volume_of(inside) * 0.45 + 0.25  # 0.7 in, 0.25 out
    alone = measure_shapes(graded, ONE)
    np.testing.assert_allclose(alone[0].numpy(), measured(inside))
    both = measure_shapes(torch.cat([torch.zeros_like(graded), graded]), ONE)
    assert torch.equal(both[1], alone[0])
    assert not both[0].any()


@pytest.mark.parametrize("size", [(1, 1, 1), (3, 1, 1), (1, 1, 5)])
def test_a_few_voxels_and_a_full_volume_have_finite_measures(size):
    values = measured(np.ones(size, dtype=bool))
    assert np.isfinite(values).all()
    assert family(values, "size")[0] == pytest.approx(math.log(math.prod(size)))


def test_every_measure_has_a_name_of_its_own():
    names = list_shape_measures()
    assert len(set(names)) == len(names) == measured(blob()).size
