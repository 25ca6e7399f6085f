"""Grey values mapped to what a network takes, finite for every finite image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from monai.transforms.intensity.array import NormalizeIntensity, ScaleIntensityRange

from medsiam.preprocessing.percentiles import percentile
from medsiam.preprocessing.recipe import Recipe

IntensityStep = Callable[[torch.Tensor], torch.Tensor]

_DEFAULT_PERCENTILES = (1.0, 99.0)


def intensity_step(recipe: Recipe) -> IntensityStep:
    """Return the intensity rule of a recipe as one transform of (channels, *spatial) tensors.

    All channels share one mapping, so that colours keep their hue.

    - window: `intensity_range` to 0..1, clipped.
    - percentile: the values at two percentiles to 0..1, clipped; a constant image gives zeros.
    - zscore: mean 0 and standard deviation 1; a constant image gives zeros.
    """
    if recipe.intensity == "window":
        assert recipe.intensity_range is not None  # the recipe checks it
        return _to_unit(*recipe.intensity_range)
    if recipe.intensity == "percentile":
        lower, upper = recipe.intensity_range or _DEFAULT_PERCENTILES
        return lambda image: _scale_percentiles(image, lower, upper)
    return _zscore


def _to_unit(low: float, high: float) -> IntensityStep:
    scale = ScaleIntensityRange(low, high, b_min=0.0, b_max=1.0, clip=True)
    return lambda image: torch.as_tensor(scale(image))


def _scale_percentiles(image: torch.Tensor, lower: float, upper: float) -> torch.Tensor:
    values = image.numpy()
    low, high = percentile(values, lower), percentile(values, upper)
    if high <= low:  # a few bright voxels on a flat ground: both percentiles lie in the ground
        low, high = float(image.min()), float(image.max())
    return _to_unit(low, high)(image) if high > low else torch.zeros_like(image)


def _zscore(image: torch.Tensor) -> torch.Tensor:
    if image.min() == image.max():  # the rounding error of the mean must not become the image
        return torch.zeros_like(image)
    return torch.as_tensor(NormalizeIntensity()(image))
