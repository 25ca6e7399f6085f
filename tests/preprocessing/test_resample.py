from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from scipy.ndimage import map_coordinates
from torch.nn.functional import interpolate

from medsiam.preprocessing.resample import resize, to_spacing


def random_image(*shape: int, affine: np.ndarray | None = None) -> MetaTensor:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    matrix = np.eye(len(shape)) if affine is None else affine
    return MetaTensor(torch.from_numpy(values), affine=torch.from_numpy(matrix))


@pytest.mark.parametrize("size", [(10, 12), (7, 50), (60, 90), (31, 17), (1, 1), (31, 44)])
def test_resize_2d_equals_torch_with_antialias(size):
    image = random_image(2, 31, 44)
    expected = interpolate(
        image.as_tensor()[None], size=size, mode="bilinear", antialias=True, align_corners=False
    )[0]
    torch.testing.assert_close(resize(image, size).as_tensor(), expected, atol=1e-5, rtol=1e-5)


def test_resize_3d_upwards_equals_torch():
    image = random_image(1, 5, 6, 7)
    expected = interpolate(image.as_tensor()[None], size=(9, 13, 8), mode="trilinear")[0]
    torch.testing.assert_close(resize(image, (9, 13, 8)).as_tensor(), expected, atol=1e-5, rtol=0)


def test_resize_3d_downwards_is_one_axis_after_the_other():
    image = random_image(1, 21, 6, 7)
    flat = image.as_tensor().reshape(1, 1, 21, 42)
    expected = interpolate(flat, size=(8, 42), mode="bilinear", antialias=True)
    result = resize(image, (8, 6, 7)).as_tensor()
    torch.testing.assert_close(result, expected.reshape(1, 8, 6, 7), atol=1e-5, rtol=1e-5)


def test_noise_shrinks_with_the_image():
    """Plain linear interpolation would keep a standard deviation of at least 0.5."""
    assert resize(random_image(1, 512, 512), (32, 32)).as_tensor().std() < 0.1


def test_finer_spacing_equals_scipy():
    affine = np.diag([2.0, 1.0, 3.0, 1.0])
    image = random_image(1, 6, 8, 5, affine=affine)
    result = to_spacing(image, (1.0, 0.8, 1.5))
    assert result.shape == (1, 12, 10, 10)
    steps = np.array([0.5, 0.8, 0.5])
    first = (np.array([6, 8, 5]) - 1) / 2 - steps * (np.array([12, 10, 10]) - 1) / 2
    grid = np.meshgrid(
        *[f + s * np.arange(n) for f, s, n in zip(first, steps, (12, 10, 10), strict=True)],
        indexing="ij",
    )
    expected = map_coordinates(image.numpy()[0], np.array(grid), order=1, mode="nearest")
    np.testing.assert_allclose(result.numpy()[0], expected, atol=1e-5)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 2.0, 5.0), (0.7, 4.0, 2.5)])
def test_positions_in_mm_stay_true(spacing):
    """The image holds its own x, y or z in mm, so a resampled value tells where it comes from."""
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])  # an oblique scan
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.5, 1.5, 4.0])
    affine[:3, 3] = [-20, 7, 31]
    index = np.stack(np.meshgrid(*[np.arange(n) for n in (24, 30, 12)], indexing="ij"))
    where = np.einsum("ij,j...->i...", affine[:3, :3], index) + affine[:3, 3, None, None, None]
    image = MetaTensor(torch.from_numpy(where.astype(np.float32)), affine=torch.from_numpy(affine))

    result = to_spacing(image, spacing)

    found = result.affine.numpy()
    np.testing.assert_allclose(np.linalg.norm(found[:3, :3], axis=0), spacing, rtol=1e-6)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in result.shape[1:]], indexing="ij"))
    expected = np.einsum("ij,j...->i...", found[:3, :3], index) + found[:3, 3, None, None, None]
    inner = np.s_[:, 3:-3, 3:-3, 3:-3]  # at the rim the kernel is cut off
    np.testing.assert_allclose(result.numpy()[inner], expected[inner], atol=0.05 * max(spacing))


def test_an_axis_of_one_voxel():
    image = random_image(1, 8, 8, 1)
    result = to_spacing(image, (2.0, 2.0, 2.0))
    assert result.shape == (1, 4, 4, 1)
    assert resize(image, (8, 8, 3)).numpy()[0, :, :, 1] == pytest.approx(image.numpy()[0, :, :, 0])


def test_the_input_is_left_alone():
    image = random_image(1, 6, 6)
    before, affine = image.numpy().copy(), image.affine.numpy().copy()
    resize(image, (3, 3))
    np.testing.assert_array_equal(image.numpy(), before)
    np.testing.assert_array_equal(image.affine.numpy(), affine)
