"""Random changes of prepared tensors during training: off by default, seeded, size kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch.nn import functional

from medsiam.errors import UsageError

# TOML has lists where Python has tuples.
_Pair = Annotated[tuple[float, float], Field(strict=False)]
_Axes = Annotated[tuple[int, ...], Field(strict=False)]
_PerAxis = Annotated[tuple[float, ...], Field(strict=False)]


class Augmentation(BaseModel):
    """What may vary between two looks at the same scan.

    Values are drawn evenly from the ranges. A flip is only safe where left and right may be
    exchanged: never for whole bodies, mostly for cells.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    rotation: float | _PerAxis = Field(
        default=0.0, description="degrees either way; in 3D about every axis, or one value per axis"
    )
    zoom: _Pair = Field(
        default=(1.0, 1.0), description="smallest and largest factor, along each axis"
    )
    translation: float = Field(default=0.0, ge=0, description="voxels either way along each axis")
    flip: bool | _Axes = Field(default=False, description="true: every axis; or the axes to flip")
    noise: float = Field(
        default=0.0, ge=0, description="largest standard deviation of Gaussian noise"
    )
    gamma: _Pair = Field(
        default=(1.0, 1.0), description="smallest and largest exponent of the contrast"
    )
    brightness: float = Field(
        default=0.0, ge=0, description="largest shift of all values, either way"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        angles = self.rotation if isinstance(self.rotation, tuple) else (self.rotation,)
        if not all(0 <= angle <= 180 for angle in angles):
            raise ValueError(f"rotation must lie in 0 to 180 degrees, got {self.rotation}")
        for name in ("zoom", "gamma"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                raise ValueError(f"{name} must be [lower, higher] above 0, got {[low, high]}")
        if isinstance(self.flip, tuple) and not set(self.flip) <= {0, 1, 2}:
            raise ValueError(f"flip names axes 0, 1 and 2, got {list(self.flip)}")
        return self


def augment(batch: torch.Tensor, augmentation: Augmentation, seeds: Sequence[int]) -> torch.Tensor:
    """Vary each scan of a batch at random, all in one pass.

    MONAI has the same steps for one scan at a time, which on small images takes longer than the
    network takes to learn from them (benchmarks/training_speed.py). One resampling does rotation,
    zoom, translation and flip together; then come contrast, brightness and noise.

    Args:
        batch: (n, channels, *spatial) float32; not changed.
        augmentation: ranges.
        seeds: n; a scan and its seed decide the result, whatever else is in the batch.

    Returns:
        same shape.

    Raises:
        UsageError: a value per axis, or an axis to flip, that the scans do not have.
    """
    dims = batch.ndim - 2
    turns, flips = _radians(augmentation.rotation, dims), _flips(augmentation, dims)
    generators = [np.random.default_rng(seed) for seed in seeds]
    maps = np.stack([_map(augmentation, turns, flips, rng) for rng in generators])
    if any(turns) or augmentation.zoom != (1.0, 1.0) or augmentation.translation > 0:
        batch = _resampled(batch, maps)
    elif flips:
        mirrored = [(2 + np.flatnonzero(np.diag(m[:, :dims]) < 0)).tolist() for m in maps]
        looks = [scan[None].flip(axes) for scan, axes in zip(batch, mirrored, strict=True)]
        batch = torch.cat(looks)
    return _recoloured(batch, augmentation, generators)


def _map(
    augmentation: Augmentation, turns: list[float], flips: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    """(dims, dims + 1): from voxels of the result to voxels of the scan, both from the middle."""
    dims = 2 if len(turns) == 1 else 3
    angles = [rng.uniform(-turn, turn) for turn in turns]
    # A scan sampled in wider steps is shown smaller.
    low, high = augmentation.zoom
    steps = rng.uniform(1 / high, 1 / low, size=dims)
    shift = rng.uniform(-augmentation.translation, augmentation.translation, size=dims)
    mirror = [-1.0 if axis in flips and rng.random() < 0.5 else 1.0 for axis in range(dims)]
    matrix = np.eye(dims)
    for axis, angle in enumerate(angles):
        matrix = matrix @ _rotation(axis, angle, dims)
    return np.column_stack([matrix @ np.diag(steps * mirror), shift])


def _rotation(axis: int, angle: float, dims: int) -> NDArray[np.float64]:
    """Turn in the plane (2D), or about an axis (3D)."""
    first, second = (0, 1) if dims == 2 else [other for other in range(3) if other != axis]
    matrix = np.eye(dims)
    matrix[first, first] = matrix[second, second] = math.cos(angle)
    matrix[first, second], matrix[second, first] = -math.sin(angle), math.sin(angle)
    return matrix


def _resampled(batch: torch.Tensor, maps: NDArray[np.float64]) -> torch.Tensor:
    """Linear; beyond its rim a scan goes on as its rim is."""
    half = np.array(batch.shape[2:]) / 2
    scaled = maps.copy()  # torch counts from -1 to 1 along an axis, and names the last axis first
    scaled[:, :, :-1] *= half[None, None, :] / half[None, :, None]
    scaled[:, :, -1] /= half
    reversed_ = np.concatenate([scaled[:, ::-1, -2::-1], scaled[:, ::-1, -1:]], axis=2)
    grid = functional.affine_grid(
        torch.from_numpy(reversed_.copy()).float(), list(batch.shape), align_corners=False
    )
    return functional.grid_sample(
        batch, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def _recoloured(
    batch: torch.Tensor, augmentation: Augmentation, generators: Sequence[np.random.Generator]
) -> torch.Tensor:
    """Contrast, then brightness, then noise, each scan by its own generator."""

    def drawn(low: float, high: float) -> torch.Tensor:
        values = torch.tensor([rng.uniform(low, high) for rng in generators])
        return values.float().reshape(-1, *[1] * (batch.ndim - 1))

    if augmentation.gamma != (1.0, 1.0):
        lowest = batch.flatten(1).amin(1).reshape(-1, *[1] * (batch.ndim - 1))
        span = batch.flatten(1).amax(1).reshape(lowest.shape) - lowest
        share = (batch - lowest) / span.clamp_min(1e-7)
        batch = share ** drawn(*augmentation.gamma) * span + lowest
    if augmentation.brightness > 0:
        batch = batch + drawn(-augmentation.brightness, augmentation.brightness)
    if augmentation.noise > 0:
        deviation = drawn(0.0, augmentation.noise)
        shape = tuple(batch.shape[1:])
        noise = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in generators])
        batch = batch + deviation * torch.from_numpy(noise)
    return batch


def _radians(rotation: float | tuple[float, ...], spatial_dims: int) -> list[float]:
    n_angles = 1 if spatial_dims == 2 else 3
    angles = rotation if isinstance(rotation, tuple) else (rotation,) * n_angles
    if len(angles) != n_angles:
        raise UsageError(
            f"rotation takes {n_angles} value(s) in {spatial_dims}D, got {list(angles)}"
        )
    return [math.radians(angle) for angle in angles]


def _flips(augmentation: Augmentation, spatial_dims: int) -> tuple[int, ...]:
    if isinstance(augmentation.flip, bool):
        return tuple(range(spatial_dims)) if augmentation.flip else ()
    if any(axis >= spatial_dims for axis in augmentation.flip):
        raise UsageError(f"a {spatial_dims}D image has no axis {max(augmentation.flip)} to flip")
    return augmentation.flip
