"""From a feature map to one value per channel."""

from __future__ import annotations

import torch

# Of the Gaussian, in half-widths of the map: a cell or lesion in the middle outweighs what the
# corners hold, and the size of the crop around it hardly matters any more.
_SIGMA = 0.5


def mean_pool(maps: torch.Tensor) -> torch.Tensor:
    """(n, channels, *map size) -> (n, channels), every place weighing the same."""
    return maps.flatten(2).mean(dim=2)


def centre_pool(maps: torch.Tensor) -> torch.Tensor:
    """(n, channels, *map size) -> (n, channels), weighted by a Gaussian around the middle."""
    weights = maps.new_ones(())
    for size in maps.shape[2:]:
        weights = weights[..., None] * _axis_weights(size, maps)
    return (maps.flatten(2) * weights.flatten()).sum(dim=2)


def _axis_weights(size: int, like: torch.Tensor) -> torch.Tensor:
    """(size,) weights along one axis, of sum 1."""
    half = size / 2
    places = (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5 - half) / half
    weights = torch.exp(-0.5 * (places / _SIGMA) ** 2)
    return weights / weights.sum()
