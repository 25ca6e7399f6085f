"""Gaussian blur of images and volumes: what is left of a scan when its detail is taken away."""

from __future__ import annotations

from collections.abc import Sequence

import torch

NEUTRAL_BLUR = 0.1
"""Share of the field of view: what is finer is the detail that maps explain."""


def blurred(
    images: torch.Tensor,
    share: float,
    *,
    sizes: Sequence[float] | None = None,
    spread: bool = False,
) -> torch.Tensor:
    """Blur along the spatial axes.

    Args:
        images: (n, channels, *size).
        share: standard deviation, as a share of the size along each axis.
        sizes: other sizes that it is a share of, in voxels.
        spread: spread each value over its neighbours, so that the sum stays the same; else take
            the weighted mean of the neighbours, so that an even image stays even. They differ at
            the rim.

    Returns:
        same shape.
    """
    for axis, n in enumerate(images.shape[2:], start=2):
        sigma = share * (n if sizes is None else sizes[axis - 2])
        places = torch.arange(n, dtype=images.dtype, device=images.device)
        weights = torch.exp(-0.5 * ((places[:, None] - places) / max(sigma, 1e-3)) ** 2)
        weights = weights / weights.sum(dim=1, keepdim=True)
        along = 0 if spread else 1
        images = torch.tensordot(images, weights, dims=([axis], [along])).movedim(-1, axis)
    return images
