"""Random changes of prepared tensors during training: off by default, seeded, size kept."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Self

from monai.transforms.compose import Compose
from monai.transforms.intensity.array import (
    RandAdjustContrast,
    RandGaussianNoise,
    RandShiftIntensity,
)
from monai.transforms.spatial.array import RandAffine, RandFlip
from monai.transforms.utility.array import EnsureType
from pydantic import BaseModel, ConfigDict, Field, model_validator

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


def build_augmentation(
    augmentation: Augmentation, *, spatial_dims: int, random_state: int
) -> Compose:
    """Build the random transforms that are switched on.

    Args:
        augmentation: ranges.
        spatial_dims: 2 or 3.
        random_state: seed; the same seed gives the same series of outputs.

    Returns:
        Compose from (channels, *spatial) float32 to a plain tensor of the same shape.

    Raises:
        UsageError: a value per axis, or an axis to flip, that `spatial_dims` does not have.
    """
    steps: list[Callable[..., Any]] = []
    affine = _affine(augmentation, spatial_dims)
    if affine is not None:
        steps.append(affine)
    steps += [RandFlip(prob=0.5, spatial_axis=axis) for axis in _flips(augmentation, spatial_dims)]
    if augmentation.gamma != (1.0, 1.0):
        steps.append(RandAdjustContrast(prob=1.0, gamma=augmentation.gamma))
    if augmentation.brightness > 0:
        steps.append(RandShiftIntensity(offsets=augmentation.brightness, prob=1.0))
    if augmentation.noise > 0:
        steps.append(RandGaussianNoise(prob=1.0, std=augmentation.noise))
    steps.append(EnsureType(track_meta=False))
    return Compose(steps).set_random_state(random_state)


def _affine(augmentation: Augmentation, spatial_dims: int) -> RandAffine | None:
    """One resampling for rotation, zoom and translation; None where all are off."""
    rotation = _radians(augmentation.rotation, spatial_dims)
    # MONAI scales the sampling grid: a grid twice as wide shows the image half as large.
    low, high = augmentation.zoom
    grid = (1 / high - 1, 1 / low - 1)
    if not any(rotation) and not any(grid) and augmentation.translation == 0:
        return None
    return RandAffine(
        prob=1.0,
        rotate_range=rotation,
        scale_range=[grid] * spatial_dims,
        translate_range=[augmentation.translation] * spatial_dims,
        padding_mode="border",
    )


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
