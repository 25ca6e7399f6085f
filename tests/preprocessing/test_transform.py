from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.preprocessing import Recipe, build_transform, prepare
from medsiam.scans import read_scan
from medsiam.scans.scan import Scan

RNG = np.random.default_rng(5)
WINDOW = {"intensity": "window", "intensity_range": (-9, 9)}


def image(shape=(20, 30), **facts) -> Scan:
    return Scan(RNG.normal(size=shape).astype(np.float32), spatial_dims=2, **facts)


def volume(shape=(12, 10, 8), **facts) -> Scan:
    return Scan(RNG.normal(size=shape).astype(np.float32), spatial_dims=3, **facts)


def recipe_2d(**fields) -> Recipe:
    return Recipe(**{"spatial_dims": 2, "spatial_size": (16, 16)} | fields)


def recipe_3d(**fields) -> Recipe:
    return Recipe(**{"spatial_dims": 3, "spatial_size": (8, 8, 8)} | fields)


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("fit", ["resize", "crop_or_pad"])
@pytest.mark.parametrize("intensity", ["percentile", "zscore"])
@pytest.mark.parametrize(
    ("shape", "dims"), [((20, 30), 2), ((20, 30, 3), 2), ((5, 9, 40), 3), ((6, 7, 2), 3)]
)
def test_shape_type_and_finiteness(shape, dims, intensity, fit, in_channels):
    size = (16, 12, 8)[:dims]
    recipe = Recipe(
        spatial_dims=dims, spatial_size=size, fit=fit, intensity=intensity, in_channels=in_channels
    )
    scan = Scan(RNG.normal(size=shape).astype(np.float32), spatial_dims=dims)
    tensor = prepare(scan, recipe)
    assert type(tensor) is torch.Tensor
    assert tensor.shape == (in_channels, *size)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert torch.isfinite(tensor).all()


def test_window_then_resize_against_numpy_and_torch():
    scan = image((64, 48))
    windowed = np.clip((scan.array + 1) / 3, 0, 1)
    expected = interpolate(
        torch.from_numpy(windowed)[None, None], size=(16, 16), mode="bilinear", antialias=True
    )[0]
    recipe = recipe_2d(intensity="window", intensity_range=(-1, 2))
    torch.testing.assert_close(prepare(scan, recipe), expected, atol=1e-5, rtol=0)


def test_zscore_without_resizing_against_numpy():
    scan = volume((8, 8, 8))
    expected = (scan.array - scan.array.mean()) / scan.array.std()
    tensor = prepare(scan, recipe_3d(intensity="zscore"))
    np.testing.assert_allclose(tensor.numpy()[0], expected, atol=1e-5)


def test_crop_keeps_the_central_part():
    scan = image((20, 31))
    recipe = recipe_2d(spatial_size=(6, 11), crop=(6, 11), **WINDOW)
    expected = (scan.array[7:13, 10:21] + 9) / 18
    np.testing.assert_allclose(prepare(scan, recipe).numpy()[0], expected, atol=1e-6)


def test_a_crop_larger_than_the_scan_keeps_it_all():
    scan = image((5, 6))
    recipe = recipe_2d(spatial_size=(5, 6), crop=(50, 7), **WINDOW)
    np.testing.assert_allclose(prepare(scan, recipe).numpy()[0], (scan.array + 9) / 18, atol=1e-6)


def test_crop_or_pad_pads_with_zeros_around():
    recipe = recipe_2d(spatial_size=(10, 4), fit="crop_or_pad", **WINDOW)
    scan = image((6, 8))
    expected = np.pad((scan.array[:, 2:6] + 9) / 18, ((2, 2), (0, 0)))
    np.testing.assert_allclose(prepare(scan, recipe).numpy()[0], expected, atol=1e-6)


def marked_phantom() -> tuple[np.ndarray, np.ndarray]:
    """RAS+: bright on the patient's left, a smaller spot in front, the smallest on top."""
    values = np.zeros((14, 12, 10), np.float32)
    values[2:5, 5:8, 4:7] = 3  # left
    values[6:8, 9:11, 4:6] = 2  # front
    values[6, 5, 8] = 1  # top
    return values, np.diag([1.5, 1.5, 3.0, 1.0])


@pytest.mark.parametrize("stored", ["LPS", "RAS", "SAR", "PIL", "RIP"])
@pytest.mark.parametrize("orientation", ["RAS", "LPS"])
def test_storage_order_and_flips_do_not_matter(stored, orientation):
    values, affine = marked_phantom()
    reference = nib.Nifti1Image(values, affine)
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(affine), nib.orientations.axcodes2ornt(stored)
    )
    turned = reference.as_reoriented(turn)
    assert "".join(nib.aff2axcodes(turned.affine)) == stored
    scan = Scan(np.asarray(turned.dataobj, np.float32), spatial_dims=3, affine=turned.affine)
    recipe = recipe_3d(
        spatial_size=(12, 12, 12), orientation=orientation, spacing=(2.0, 2.0, 2.5), crop=(9, 9, 9)
    )

    tensor = prepare(scan, recipe)

    straight = Scan(values, spatial_dims=3, affine=affine)
    torch.testing.assert_close(tensor, prepare(straight, recipe), atol=1e-5, rtol=0)
    left_end, right_end = tensor[0, :6].sum(), tensor[0, 6:].sum()
    assert (left_end > right_end) == (orientation == "RAS")  # R last: left comes first


def test_without_orientation_axes_stay_as_stored():
    values, affine = marked_phantom()
    flipped = Scan(values[::-1].copy(), spatial_dims=3, affine=np.diag([-1.5, 1.5, 3, 1]))
    straight = Scan(values, spatial_dims=3, affine=affine)
    recipe = recipe_3d()
    torch.testing.assert_close(prepare(flipped, recipe).flip(1), prepare(straight, recipe))


def test_a_2d_scan_uses_its_spacing_as_a_diagonal_affine():
    scan = image((40, 40), spacing=(0.5, 1.0))
    recipe = recipe_2d(spacing=(1.0, 1.0), fit="crop_or_pad", spatial_size=(20, 40))
    same = interpolate(
        torch.from_numpy(scan.array)[None, None], size=(20, 40), mode="bilinear", antialias=True
    )
    low, high = np.percentile(same.numpy(), (1, 99))
    expected = ((same[0] - low) / (high - low)).clamp(0, 1)
    torch.testing.assert_close(prepare(scan, recipe), expected, atol=1e-4, rtol=0)


def test_a_sagittal_image_has_the_spacing_of_its_affine():
    """Its in-plane axes are the patient's y and z: the upper left corner of the affine is 0."""
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0, 3], [0.5, 0, 0], [0, 2.0, 0]]
    scan = image((40, 10), affine=affine)
    recipe = recipe_2d(spacing=(2.0, 2.0), fit="crop_or_pad", spatial_size=(10, 10))
    by_spacing = Scan(scan.array, spatial_dims=2, spacing=(0.5, 2.0))
    torch.testing.assert_close(prepare(scan, recipe), prepare(by_spacing, recipe))


def test_a_volume_with_spacing_only_can_be_resampled():
    scan = volume((12, 10, 8), spacing=(1.0, 1.0, 2.0))
    with_affine = Scan(scan.array, spatial_dims=3, affine=np.diag([1.0, 1.0, 2.0, 1.0]))
    recipe = recipe_3d(spacing=(2.0, 2.0, 2.0))
    torch.testing.assert_close(prepare(scan, recipe), prepare(with_affine, recipe))


def test_colour_becomes_luminance():
    scan = image((16, 16, 3))
    recipe = recipe_2d(**WINDOW)
    grey = scan.array @ np.array([0.299, 0.587, 0.114], np.float32)
    np.testing.assert_allclose(prepare(scan, recipe).numpy()[0], (grey + 9) / 18, atol=1e-6)


def test_colour_keeps_its_channels_in_order():
    scan = image((16, 16, 3))
    recipe = recipe_2d(**WINDOW, in_channels=3)
    expected = (np.moveaxis(scan.array, -1, 0) + 9) / 18
    np.testing.assert_allclose(prepare(scan, recipe).numpy(), expected, atol=1e-6)


def test_grey_is_repeated():
    tensor = prepare(image(), recipe_2d(in_channels=3))
    assert torch.equal(tensor[0], tensor[1])
    assert torch.equal(tensor[0], tensor[2])
    assert tensor.std() > 0


@pytest.mark.parametrize("intensity", ["percentile", "zscore"])
def test_a_constant_scan_gives_zeros(intensity):
    scan = Scan(np.full((20, 30), 7.3, np.float32), spatial_dims=2)
    assert torch.equal(prepare(scan, recipe_2d(intensity=intensity)), torch.zeros(1, 16, 16))


def test_the_scan_is_left_alone_and_the_result_repeats():
    scan = volume(affine=np.diag([1.0, 1.0, 2.0, 1.0]))
    before = scan.array.copy()
    recipe = recipe_3d(orientation="LPS", spacing=(1.5, 1.5, 1.5), crop=(6, 6, 6))
    first = prepare(scan, recipe)
    first += 100
    second = prepare(scan, recipe)
    np.testing.assert_array_equal(scan.array, before)
    assert torch.equal(first - 100, second) or torch.allclose(first - 100, second, atol=1e-4)


def test_the_transform_is_a_monai_compose_that_keeps_geometry():
    from monai.data.meta_tensor import MetaTensor
    from monai.transforms import Compose

    transform = build_transform(recipe_3d(orientation="RAS", spacing=(2.0, 2.0, 2.0)))
    assert isinstance(transform, Compose)
    affine = torch.diag(torch.tensor([-1.0, -1.0, 2.0, 1.0], dtype=torch.float64))
    made = transform(MetaTensor(torch.rand(1, 16, 16, 8), affine=affine))
    assert made.shape == (1, 8, 8, 8)
    assert nib.aff2axcodes(made.affine.numpy()) == ("R", "A", "S")
    np.testing.assert_allclose(np.diag(made.affine.numpy()), [2, 2, 2, 1])


@pytest.mark.parametrize(
    ("scan", "recipe", "code", "words"),
    [
        (image(), recipe_2d(spacing=(1.0, 1.0)), "no_geometry", "spacing unknown"),
        (volume(), recipe_3d(spacing=(1.0, 1.0, 1.0)), "no_geometry", "spacing unknown"),
        (volume(), recipe_3d(orientation="RAS"), "no_geometry", "orientation unknown"),
        (
            volume(spacing=(1.0, 1.0, 1.0)),
            recipe_3d(orientation="RAS"),
            "no_geometry",
            "orientation unknown",
        ),
        (volume(spacing=(0.0, 1.0, 1.0)), recipe_3d(), "bad_geometry", "no distance"),
        (
            volume(affine=np.diag([1.0, np.nan, 1.0, 1.0])),
            recipe_3d(orientation="RAS"),
            "bad_geometry",
            "no distance",
        ),
        (
            volume(spacing=(1e6, 1e6, 1e6)),
            recipe_3d(spacing=(1.0, 1.0, 1.0)),
            "bad_geometry",
            "cannot be right",
        ),
        (image((4, 4, 2)), recipe_2d(), "channels", "2 channels"),
        (image((0, 4)), recipe_2d(), "empty", "no pixels"),
    ],
)
def test_what_cannot_be_prepared(scan, recipe, code, words):
    with pytest.raises(ScanError, match=words) as caught:
        prepare(scan, recipe)
    assert caught.value.code == code


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(value):
    scan = image(sources=(Path("/scans/a.png"),))
    scan.array[3, 4] = value
    with pytest.raises(ScanError, match=r"/scans/a\.png holds NaN or infinite") as caught:
        prepare(scan, recipe_2d())
    assert caught.value.code == "not_finite"


def test_values_too_large_to_scale_are_refused_not_returned():
    scan = image((16, 16))
    scan.array[:8], scan.array[8:] = 3e38, -3e38
    with pytest.raises(ScanError) as caught:
        prepare(scan, recipe_2d(intensity="percentile"))
    assert caught.value.code == "not_finite"


@pytest.mark.parametrize(
    ("scan", "recipe", "words"),
    [
        (image(), recipe_3d(), "is 2D, the encoder takes 3D"),
        (volume(), recipe_2d(), "is 3D, the encoder takes 2D"),
    ],
)
def test_the_other_dimension_is_named(scan, recipe, words):
    with pytest.raises(EncoderMismatchError, match=words):
        prepare(scan, recipe)


def test_a_real_heart_is_prepared_alike_however_it_is_stored(medsiam_data):
    scan = read_scan(medsiam_data / "acdc_cardiac_mri" / "volumes" / "patient001_ED.nii.gz")
    recipe = recipe_3d(
        spatial_size=(32, 32, 16), orientation="RAS", spacing=(3.0, 3.0, 8.0), crop=(32, 32, 10)
    )
    stored = nib.Nifti1Image(scan.array, scan.affine)
    turn = nib.orientations.ornt_transform(
        nib.io_orientation(stored.affine), nib.orientations.axcodes2ornt("PLI")
    )
    turned = stored.as_reoriented(turn)
    other = Scan(np.asarray(turned.dataobj, np.float32), spatial_dims=3, affine=turned.affine)
    tensor = prepare(scan, recipe)
    assert tensor.std() > 0.1
    torch.testing.assert_close(prepare(other, recipe), tensor, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 9, 9), (9, 1, 9), (9, 9, 1)])
def test_a_slice_is_no_volume(shape):
    scan = volume(shape, sources=(Path("/scans/a.nii"),))
    with pytest.raises(ScanError, match=r"/scans/a\.nii: .* voxels are a slice") as caught:
        prepare(scan, recipe_3d())
    assert caught.value.code == "too_thin"


def mask_recipe(**fields) -> Recipe:
    return recipe_3d(**{"spacing": (1, 1, 1), "fit": "crop_or_pad", "intensity": "mask"} | fields)


def mask_scan(low: float = 0.0, high: float = 1.0, *, at: int = 3, step: float = 1.0) -> Scan:
    array = np.full((12, 10, 8), low, dtype=np.float32)
    array[at : at + 4, 3:6, 2:7] = high
    return Scan(array, spatial_dims=3, affine=np.diag([step, step, step, 1.0]))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 255), (-1000, 40), (2, 3)])
def test_of_a_masks_two_values_the_higher_becomes_one(low, high):
    tensor = prepare(mask_scan(low, high), mask_recipe())
    expected = np.zeros((8, 8, 8))
    expected[1:5, 2:5, 2:7] = 1  # two planes less in front of x, one less of y
    np.testing.assert_array_equal(tensor[0].numpy(), expected)


def test_a_resampled_mask_has_its_rim_graded_between_zero_and_one():
    tensor = prepare(mask_scan(0, 255, step=0.7), mask_recipe())
    assert 0 <= float(tensor.min()) < 0.01
    assert 0.9 < float(tensor.max()) <= 1
    assert float((tensor >= 0.5).sum()) == pytest.approx(4 * 3 * 5 * 0.7**3, rel=0.35)


@pytest.mark.parametrize("values", [(0,), (0, 0.5, 1)])
def test_other_than_two_values_are_no_mask(values):
    array = np.resize(np.array(values, dtype=np.float32), (12, 10, 8))
    with pytest.raises(ScanError, match=f"holds {len(values)} different values") as caught:
        prepare(Scan(array, spatial_dims=3, affine=np.eye(4)), mask_recipe())
    assert caught.value.code == "not_two_valued"


def test_a_structure_that_vanishes_between_the_voxels_is_refused():
    array = np.zeros((12, 12, 12), dtype=np.float32)
    array[6, 6, 3:9] = 1
    scan = Scan(array, spatial_dims=3, affine=np.diag([0.3, 0.3, 0.3, 1.0]))
    with pytest.raises(ScanError, match="vanishes") as caught:
        prepare(scan, mask_recipe())
    assert caught.value.code == "too_small"


def test_a_mask_that_would_be_cut_off_is_refused():
    assert prepare(mask_scan(at=2), mask_recipe()).sum() == 60
    with pytest.raises(ScanError, match="reaches beyond") as caught:
        prepare(mask_scan(at=1), mask_recipe())
    assert caught.value.code == "cut_off"
