"""From a `Scan` to a tensor, as the recipe says: the same steps for training, bank and query."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.croppad.array import CenterSpatialCrop, ResizeWithPadOrCrop
from monai.transforms.spatial.array import Orientation
from numpy.typing import NDArray

from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.preprocessing.intensity import intensity_step
from medsiam.preprocessing.recipe import Recipe
from medsiam.preprocessing.resample import resize, spaced_size, to_spacing
from medsiam.scans.scan import Scan

# RAS+ letters, given outright: MONAI warns where it has to choose them itself.
_RAS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))

# ITU-R BT.601, as Pillow's mode "L".
_LUMINANCE = (0.299, 0.587, 0.114)

# A wrong spacing in a header must not ask for more memory than there is (1 GiB as float32).
_MOST_VOXELS = 2**28

_ROUNDING = 1e-3  # voxels


def build_transform(recipe: Recipe) -> Compose:
    """Build the steps of a recipe as one MONAI transform.

    Returns:
        Compose from a MetaTensor (1 or 3 channels, *spatial) with its affine in mm to a
        MetaTensor (in_channels, *spatial_size). It trusts its input; `prepare` checks a scan.
    """
    steps: list[Callable[..., Any]] = []
    if recipe.in_channels == 1:
        steps.append(_grey)
    if recipe.intensity == "mask":
        steps.append(_bright)  # before resampling, which grades the rim
    if recipe.orientation is not None:
        steps.append(Orientation(recipe.orientation, labels=_RAS_LABELS))
    if recipe.spacing is not None:
        spacing = recipe.spacing
        steps.append(lambda image: to_spacing(image, spacing))
    if recipe.crop is not None:
        steps.append(CenterSpatialCrop(recipe.crop))
    if recipe.intensity != "mask":
        steps.append(intensity_step(recipe))
    if recipe.fit == "resize":
        steps.append(lambda image: resize(image, recipe.spatial_size))
    else:
        steps.append(ResizeWithPadOrCrop(recipe.spatial_size))
    if recipe.in_channels == 3:
        steps.append(_colour)
    return Compose(steps)


def prepare(scan: Scan, recipe: Recipe) -> torch.Tensor:
    """Turn a scan into the tensor that an encoder with this recipe takes.

    Returns:
        float32 (in_channels, *spatial_size), finite.

    Raises:
        EncoderMismatchError: a 2D scan for a 3D recipe, or the other way round.
        ScanError: `not_finite` (NaN or infinite values, or values too large to scale),
            `no_geometry` (the recipe needs spacing or orientation that the scan lacks),
            `bad_geometry` (a spacing that asks for a monstrous volume), `empty`, `channels`,
            `too_thin` (a volume of one slice), `not_two_valued`, `cut_off` and
            `too_small` (a recipe for masks: other than two values, a structure that reaches beyond
            the tensor, or vanishes in it).
    """
    tensor: torch.Tensor = prepare_placed(scan, recipe)[0].as_tensor().contiguous()
    return tensor


def prepare_placed(scan: Scan, recipe: Recipe) -> tuple[MetaTensor, NDArray[np.float64]]:
    """Like `prepare`, and say where its voxels lie in the scan.

    Returns:
        the tensor, and (spatial_dims + 1) squared: from voxels of the scan to voxels of the tensor.

    Raises:
        EncoderMismatchError, ScanError: see `prepare`.
    """
    _check_values(scan, recipe)
    affine = _affine(scan, recipe)
    image = MetaTensor(_channels_first(scan), affine=torch.from_numpy(affine))
    tensor: MetaTensor = build_transform(recipe)(image)
    if not np.isfinite(tensor.numpy()).all():  # twenty times faster than torch's
        raise ScanError("not_finite", f"{_name(scan)}: values too large to be scaled")
    placed = np.asarray(tensor.affine, dtype=np.float64)
    to_tensor = np.asarray(np.linalg.solve(placed, affine), dtype=np.float64)
    if recipe.intensity == "mask":
        _check_whole(scan, recipe, to_tensor)
        if not (tensor >= 0.5).any():
            raise ScanError(
                "too_small",
                f"{_name(scan)}: the structure is thinner than the {recipe.spacing} mm voxels that "
                "the encoder sees, and vanishes there",
            )
    return tensor, to_tensor


def _check_values(scan: Scan, recipe: Recipe) -> None:
    if scan.spatial_dims != recipe.spatial_dims:
        raise EncoderMismatchError(
            f"{_name(scan)} is {scan.spatial_dims}D, the encoder takes {recipe.spatial_dims}D scans"
        )
    if scan.array.size == 0:
        raise ScanError("empty", f"{_name(scan)} holds no pixels")
    if scan.spatial_dims == 3 and min(scan.spatial_shape) == 1:
        size = " x ".join(map(str, scan.spatial_shape))
        raise ScanError(
            "too_thin",
            f"{_name(scan)}: {size} voxels are a slice, and the encoder takes volumes; give all "
            "slices in one file, or use an encoder for images",
        )
    if scan.n_channels not in (1, 3):
        raise ScanError(
            "channels", f"{_name(scan)} has {scan.n_channels} channels; 1 (grey) or 3 (colour) work"
        )
    if not np.isfinite(scan.array).all():
        raise ScanError("not_finite", f"{_name(scan)} holds NaN or infinite values")
    if recipe.intensity == "mask":
        n_values = len(np.unique(scan.array))
        if scan.n_channels != 1 or n_values != 2:
            raise ScanError(
                "not_two_valued",
                f"{_name(scan)} holds {n_values} different values in {scan.n_channels} channel(s); "
                "this encoder compares shapes and takes masks of one structure: two values, of "
                "which the higher is the structure. Segment the scan first",
            )


def _check_whole(scan: Scan, recipe: Recipe, to_tensor: NDArray[np.float64]) -> None:
    """Measures of a structure that was cut off would look like those of a smaller one."""
    bright = scan.array.reshape(scan.spatial_shape) == scan.array.max()
    dims = range(bright.ndim)
    # The corners of its box: every voxel of a large mask would take many times its memory.
    found = [np.flatnonzero(bright.any(axis=tuple({*dims} - {axis}))) for axis in dims]
    corners = np.array(list(itertools.product(*((places[0], places[-1]) for places in found))))
    placed = corners @ to_tensor[:-1, :-1].T + to_tensor[:-1, -1]
    if (placed < -0.5 - _ROUNDING).any() or (
        placed > np.array(recipe.spatial_size) - 0.5 + _ROUNDING
    ).any():
        raise ScanError(
            "cut_off",
            f"{_name(scan)}: the structure reaches beyond the {recipe.spatial_size} voxels that "
            "the encoder takes of the middle; cut the mask out around the structure",
        )


def _affine(scan: Scan, recipe: Recipe) -> NDArray[np.float64]:
    """Voxel index to mm, (spatial_dims + 1) squared; only as true as the recipe needs it."""
    dims = scan.spatial_dims
    if recipe.orientation is not None and scan.affine is None:
        raise ScanError(
            "no_geometry",
            f"{_name(scan)}: orientation unknown, but the encoder turns scans to "
            f"{recipe.orientation}",
        )
    spacing = _spacing(scan)
    if recipe.spacing is not None:
        if spacing is None:
            raise ScanError(
                "no_geometry",
                f"{_name(scan)}: spacing unknown, but the encoder resamples to {recipe.spacing} mm",
            )
        _check_size(scan, spacing, recipe.spacing)
    if dims == 3 and scan.affine is not None:
        return np.array(scan.affine, dtype=np.float64)
    # An image is compared as stored; the two in-plane axes of a (4, 4) affine may well point
    # along z (a sagittal slice), which no (3, 3) affine could say. Its spacing is all it needs.
    return np.diag([*(spacing or (1.0,) * dims), 1.0])


def _spacing(scan: Scan) -> tuple[float, ...] | None:
    """Spacing in mm; the affine's, where there is one."""
    spacing = scan.spacing
    if scan.affine is not None:
        columns = np.asarray(scan.affine, dtype=np.float64)[:3, : scan.spatial_dims]
        spacing = tuple(float(s) for s in np.linalg.norm(columns, axis=0))
    if spacing is not None and not all(np.isfinite(s) and s > 0 for s in spacing):
        raise ScanError("bad_geometry", f"{_name(scan)}: spacing {spacing} is no distance in mm")
    return spacing


def _check_size(scan: Scan, spacing: tuple[float, ...], target: tuple[float, ...]) -> None:
    steps = [new / old for new, old in zip(target, spacing, strict=True)]
    voxels = float(np.prod([float(n) for n in spaced_size(scan.spatial_shape, steps)]))
    if voxels > _MOST_VOXELS:
        raise ScanError(
            "bad_geometry",
            f"{_name(scan)}: spacing {spacing} mm cannot be right; resampled to {target} mm the "
            f"scan would have {voxels:.2g} voxels",
        )


def _channels_first(scan: Scan) -> torch.Tensor:
    array = scan.array[None] if scan.n_channels == 1 else np.moveaxis(scan.array, -1, 0)
    # A copy: the steps may work in place, and the scan is not theirs. (1 channel last: reshaped.)
    return torch.from_numpy(np.array(array.reshape(scan.n_channels, *scan.spatial_shape)))


def _grey(image: torch.Tensor) -> torch.Tensor:
    if image.shape[0] == 1:
        return image
    weights = torch.tensor(_LUMINANCE).reshape(3, *[1] * (image.ndim - 1))
    return (image * weights).sum(dim=0, keepdim=True)


def _bright(image: torch.Tensor) -> torch.Tensor:
    return (image == image.max()).float()


def _colour(image: torch.Tensor) -> torch.Tensor:
    return image if image.shape[0] == 3 else torch.cat([image] * 3)


def _name(scan: Scan) -> str:
    return str(scan.sources[0]) if scan.sources else "the scan"
