from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from medsiam.errors import UsageError
from medsiam.preprocessing import Augmentation, augment
from medsiam.preprocessing.augmentation import _map

EVERYTHING = Augmentation(
    rotation=20,
    zoom=(0.8, 1.2),
    translation=3,
    flip=True,
    noise=0.1,
    gamma=(0.7, 1.5),
    brightness=0.1,
)


def blob(*shape: int, at: float = 0.5, sigma: float = 3.0) -> torch.Tensor:
    axes = [np.arange(n) - at * (n - 1) for n in shape]
    squares = sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij"))
    return torch.from_numpy(np.exp(-squares / (2 * sigma**2)).astype(np.float32))[None]


def looks(tensor: torch.Tensor, *, seed: int = 0, times: int = 1, **fields) -> list[torch.Tensor]:
    seeds = range(1000 * seed, 1000 * seed + times)
    return list(augment(torch.stack([tensor] * times), Augmentation(**fields), seeds))


def test_off_by_default():
    tensor = torch.rand(1, 9, 11)
    (result,) = looks(tensor)
    assert torch.equal(result, tensor)


@pytest.mark.parametrize("shape", [(1, 20, 14), (3, 20, 14), (1, 12, 14, 5)])
def test_size_type_and_finiteness(shape):
    tensor = torch.rand(shape)
    before = tensor.clone()
    for image in (tensor, torch.zeros(shape)):
        (result,) = augment(image[None], EVERYTHING, [0])
        assert type(result) is torch.Tensor
        assert result.shape == shape
        assert result.dtype == torch.float32
        assert torch.isfinite(result).all()
    assert torch.equal(tensor, before)


@pytest.mark.parametrize("shape", [(16, 16), (12, 14, 5)])
def test_scan_and_seed_decide_whatever_else_is_in_the_batch(shape):
    batch = torch.stack([blob(*shape, at=at) for at in (0.4, 0.5, 0.6)])
    together = augment(batch, EVERYTHING, [7, 8, 9])
    for scan, seed, seen in zip(batch, (7, 8, 9), together, strict=True):
        assert torch.equal(augment(scan[None], EVERYTHING, [seed])[0], seen)
    assert not torch.allclose(augment(batch, EVERYTHING, [7, 7, 9])[1], together[1])


@pytest.mark.parametrize("shape", [(15, 20), (12, 14, 5)])
def test_resampling_is_scipys(shape):
    """The map of each seed, applied by scipy.ndimage to an image that is not square."""
    dims = len(shape)
    settings = Augmentation(rotation=30, zoom=(0.8, 1.3), translation=2, flip=True)
    tensor = torch.rand(1, *shape)
    turns, flips = [np.radians(30)] * (1 if dims == 2 else 3), tuple(range(dims))
    for seed in range(4):
        drawn = _map(settings, turns, flips, np.random.default_rng(seed))
        middle = (np.array(shape) - 1) / 2
        matrix, offset = drawn[:, :dims], middle + drawn[:, dims] - drawn[:, :dims] @ middle
        expected = ndimage.affine_transform(
            tensor[0].double().numpy(), matrix, offset, order=1, mode="nearest"
        )
        (seen,) = augment(tensor[None], settings, [seed])
        np.testing.assert_allclose(seen[0].numpy(), expected, atol=1e-4)


def test_global_random_state_is_neither_used_nor_changed():
    np.random.seed(3)
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    first = augment(blob(16, 16)[None], EVERYTHING, [1])
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)
    np.random.seed(4)
    torch.rand(5)
    again = augment(blob(16, 16)[None], EVERYTHING, [1])
    assert torch.equal(first, again)


def test_flip_gives_the_image_or_its_mirror_about_half_of_the_time():
    tensor = torch.rand(1, 8, 9)
    mirrored = [torch.equal(r, tensor.flip(2)) for r in looks(tensor, times=60, flip=(1,))]
    straight = [torch.equal(r, tensor) for r in looks(tensor, times=60, flip=(1,))]
    assert sum(mirrored) + sum(straight) == 60
    assert 15 < sum(mirrored) < 45


def test_flip_of_every_axis_reaches_every_mirror():
    tensor = torch.rand(1, 4, 5, 6)
    seen = {r.numpy().tobytes() for r in looks(tensor, times=120, flip=True)}
    assert len(seen) == 8


def test_rotation_turns_and_stays_in_its_range():
    """The principal axis of a long blob tells the angle."""
    y, x = np.meshgrid(np.arange(41) - 20, np.arange(41) - 20)
    long = torch.from_numpy(np.exp(-(x**2 / 72 + y**2 / 4)).astype(np.float32))[None]
    angles = []
    for result in looks(long, times=40, rotation=30):
        weights = result.numpy()[0].astype(float)
        cov = [(weights * a * b).sum() for a, b in ((x, x), (x, y), (y, y))]
        angles.append(np.degrees(0.5 * np.arctan2(2 * cov[1], cov[0] - cov[2])))
    assert np.abs(angles).max() <= 30.5
    assert min(angles) < -15
    assert max(angles) > 15


def test_rotation_about_one_axis_in_3d_leaves_slices_across_it_alone():
    tensor = blob(15, 15, 9, at=0.35)
    plain = tensor.numpy()[0].sum(axis=(0, 1))
    for result in looks(tensor, times=5, rotation=(0, 0, 25.0)):
        np.testing.assert_allclose(result.numpy()[0].sum(axis=(0, 1)), plain, rtol=0.03, atol=0.02)
        assert not torch.allclose(result, tensor, atol=1e-2)


def test_zoom_above_one_makes_things_larger():
    tensor = blob(33, 33)
    area = (tensor > 0.5).sum()
    for result in looks(tensor, times=5, zoom=(1.3, 1.6)):
        assert 1.3**2 * 0.9 * area < (result > 0.5).sum() < 1.6**2 * 1.1 * area
    for result in looks(tensor, times=5, zoom=(0.6, 0.8)):
        assert (result > 0.5).sum() < 0.7 * area


def test_translation_is_in_voxels_and_in_range():
    tensor = blob(40, 40)
    shifts = []
    for result in looks(tensor, times=40, translation=4):
        shifts.append(np.array(ndimage.center_of_mass(result.numpy()[0])) - 19.5)
    assert np.abs(shifts).max() <= 4.1
    assert np.abs(shifts).max(axis=0).min() > 2


def test_noise_is_gaussian_with_at_most_its_deviation():
    spreads = [r.std().item() for r in looks(torch.zeros(1, 64, 64), times=30, noise=0.2)]
    assert max(spreads) < 0.22
    assert max(spreads) > 0.12


def test_gamma_keeps_the_ends_and_moves_the_middle():
    ramp = torch.linspace(0, 1, 101).reshape(1, 1, 101)
    for result in looks(ramp, times=5, gamma=(1.5, 2.0)):
        assert result[0, 0, 0] == pytest.approx(0, abs=1e-4)
        assert result[0, 0, -1] == pytest.approx(1, abs=1e-4)
        assert 0.5**2.0 - 1e-3 <= result[0, 0, 50] <= 0.5**1.5 + 1e-3


def test_brightness_shifts_all_values_alike():
    tensor = torch.rand(1, 6, 6)
    shifts = [(r - tensor) for r in looks(tensor, times=30, brightness=0.3)]
    assert max(shift.std().item() for shift in shifts) < 1e-6
    levels = [shift.mean().item() for shift in shifts]
    assert -0.3 <= min(levels) < -0.1
    assert 0.1 < max(levels) <= 0.3


def test_lists_from_toml_are_taken():
    made = Augmentation.model_validate({"zoom": [0.9, 1.1], "flip": [0], "rotation": [1, 2, 3.0]})
    assert (made.zoom, made.flip, made.rotation) == ((0.9, 1.1), (0,), (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    "fields",
    [
        {"rotation": -5},
        {"rotation": 200},
        {"rotation": "10"},
        {"zoom": (1.2, 0.8)},
        {"zoom": (0, 1)},
        {"noise": -1},
        {"noise": True},
        {"gamma": (0.0, 1.0)},
        {"flip": (3,)},
        {"rotate": 5},
        {"brightness": float("inf")},
    ],
)
def test_faults_are_refused(fields):
    with pytest.raises(ValidationError):
        Augmentation.model_validate(fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"flip": (2,)}, "no axis 2"), ({"rotation": (1.0, 2.0, 3.0)}, r"1 value\(s\) in 2D")],
)
def test_what_does_not_fit_the_dimensions_is_named(fields, words):
    with pytest.raises(UsageError, match=words):
        augment(torch.zeros(1, 1, 8, 8), Augmentation(**fields), [0])
