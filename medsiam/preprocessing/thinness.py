"""Scans that hold too little along an axis for what a recipe makes of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.preprocessing.recipe import Recipe
from medsiam.scans.scan import Scan

# Below, most of what the network sees along the axis is padding, or drawn out of three voxels.
_LEAST_FILLED = 0.25
_FEWEST_VOXELS = 4


def thin_axes(scan: Scan, recipe: Recipe, to_tensor: NDArray[np.float64]) -> str:
    """Say along which axes next to nothing is in the tensor of a scan.

    Padded (`crop_or_pad`): where a scan fills less than a quarter of `spatial_size`. Stretched
    (`resize`): where it has fewer than four voxels, and `spatial_size` asks for more.

    Args:
        scan: as read.
        recipe: that it was prepared with.
        to_tensor: (spatial_dims + 1) squared, from `prepare_placed`.

    Returns:
        one sentence for a person, "" where nothing is thin.
    """
    dims = recipe.spatial_dims
    steps = np.abs(to_tensor[:dims, :dims])
    own = np.asarray(scan.spatial_shape)[steps.argmax(axis=1)]
    filled = steps @ np.asarray(scan.spatial_shape)
    said = []
    for axis, size in enumerate(recipe.spatial_size):
        if recipe.fit == "crop_or_pad" and filled[axis] < _LEAST_FILLED * size:
            said.append(f"fills {filled[axis]:.3g} of the {size} voxels along axis {axis + 1}")
        elif recipe.fit == "resize" and own[axis] < min(_FEWEST_VOXELS, size):
            said.append(f"its {own[axis]} voxels are drawn out to {size} along axis {axis + 1}")
    return " and ".join(said)
