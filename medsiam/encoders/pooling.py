"""From a feature map to one value per channel."""

from __future__ import annotations

from functools import cache

import torch

# Of the Gaussian, in half-widths of the map: a cell or lesion in the middle outweighs what the
# corners hold, and the size of the crop around it hardly matters any more.
_SIGMA = 0.5


def mean_pool(maps: torch.Tensor) -> torch.Tensor:
    """(n, channels, *map size) -> (n, channels), every place weighing the same."""
    return maps.flatten(2).mean(dim=2)


def centre_pool(maps: torch.Tensor) -> torch.Tensor:
    """(n, channels, *map size) -> (n, channels), weighted by a Gaussian around the middle."""
    weights = _map_weights(tuple(maps.shape[2:]), maps.dtype, maps.device)
    return (maps.flatten(2) * weights).sum(dim=2)


@cache
def _map_weights(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """Weights of every place of a map, flattened, of sum 1."""
    with torch.inference_mode(False):  # kept for calls that need gradients too
        weights = torch.ones((), dtype=dtype, device=device)
        for n in size:
            half = n / 2
            places = (torch.arange(n, dtype=dtype, device=device) + 0.5 - half) / half
            along = torch.exp(-0.5 * (places / _SIGMA) ** 2)
            weights = weights[..., None] * (along / along.sum())
        return weights.flatten()
