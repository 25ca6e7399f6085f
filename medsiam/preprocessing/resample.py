"""Linear resampling along the axes of an image, smoothed where it shrinks.

A radiograph of 2000 pixels made 64 pixels wide by plain linear interpolation keeps two of every
thirty pixels and turns noise into pattern. Here the linear (triangle) kernel grows with the
shrinking factor, as in Pillow and in `torch.nn.functional.interpolate(antialias=True)`, which
exists for 2D only. One small matrix per axis does it for any number of axes, fast, and the
same code reaches a size or a spacing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.data.meta_tensor import MetaTensor


def resize(image: MetaTensor, size: Sequence[int]) -> MetaTensor:
    """Resample to `size` voxels, keeping the field of view.

    Args:
        image: (channels, *spatial).
        size: voxels along each spatial axis.

    Returns:
        (channels, *size) float32, with its affine.
    """
    shape = image.shape[1:]
    return _resample(image, size, [n / m for n, m in zip(shape, size, strict=True)])


def to_spacing(image: MetaTensor, spacing: Sequence[float]) -> MetaTensor:
    """Resample to `spacing` mm along each axis, keeping the centre of the field of view.

    Args:
        image: (channels, *spatial) with its affine in mm.
        spacing: mm between the voxel centres of the result.

    Returns:
        (channels, *new spatial) float32, with its affine.
    """
    steps = [new / old for new, old in zip(spacing, _voxel_size(image), strict=True)]
    return _resample(image, spaced_size(image.shape[1:], steps), steps)


def spaced_size(shape: Sequence[int], steps: Sequence[float]) -> tuple[int, ...]:
    """Voxels along each axis after resampling by `steps` (new spacing / old spacing)."""
    return tuple(max(1, round(n / step)) for n, step in zip(shape, steps, strict=True))


def _voxel_size(image: MetaTensor) -> list[float]:
    dims = image.ndim - 1
    columns = image.affine[:dims, :dims].double()
    return [float(length) for length in torch.linalg.norm(columns, dim=0)]


def _resample(image: MetaTensor, size: Sequence[int], steps: Sequence[float]) -> MetaTensor:
    """Take `size` samples `steps` old voxels apart, centred on the image."""
    values = image.as_tensor().float()
    affine = image.affine.double().clone()
    to_old = torch.eye(len(affine), dtype=torch.float64)
    for axis, (n, m, step) in enumerate(zip(image.shape[1:], size, steps, strict=True)):
        first = (n - 1) / 2 - step * (m - 1) / 2
        to_old[axis, axis] = step
        to_old[axis, -1] = first
        if m != n or step != 1:
            centres = first + step * torch.arange(m, dtype=torch.float64)
            weights = _triangle_weights(centres, n, width=max(step, 1.0))
            values = torch.tensordot(values, weights, dims=([axis + 1], [1])).movedim(-1, axis + 1)
    return MetaTensor(values.contiguous(), affine=affine @ to_old)


def _triangle_weights(centres: torch.Tensor, n: int, *, width: float) -> torch.Tensor:
    """Weights (len(centres), n) of the old voxels in each new one; rows sum to 1."""
    inside = centres.clamp(-0.5, n - 0.5)
    distance = (inside[:, None] - torch.arange(n, dtype=torch.float64)).abs()
    weights = (1 - distance / width).clamp(min=0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
