"""Linear resampling along the axes of an image, smoothed where it shrinks.

A radiograph of 2000 pixels made 64 pixels wide by plain linear interpolation keeps two of every
thirty pixels and turns noise into pattern. Here the linear (triangle) kernel grows with the
shrinking factor, as in Pillow and in `torch.nn.functional.interpolate(antialias=True)`. That one
brings images to a size; for volumes, and to reach a spacing, there is none: one small matrix per
axis does it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.data.meta_tensor import MetaTensor
from torch.nn import functional


def resize(image: MetaTensor, size: Sequence[int]) -> MetaTensor:
    """Resample to `size` voxels, keeping the field of view.

    Args:
        image: (channels, *spatial).
        size: voxels along each spatial axis.

    Returns:
        (channels, *size) float32, with its affine.
    """
    shape = image.shape[1:]
    steps = [n / m for n, m in zip(shape, size, strict=True)]
    if len(shape) == 3:
        return _resample(image, size, steps)
    values = functional.interpolate(
        image.as_tensor().float()[None], size=tuple(size), mode="bilinear", antialias=True
    )
    return MetaTensor(values[0], affine=image.affine.double() @ _to_old(shape, size, steps))


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
    to_old = _to_old(image.shape[1:], size, steps)
    for axis, (n, m, step) in enumerate(zip(image.shape[1:], size, steps, strict=True)):
        first = float(to_old[axis, -1])
        if m != n or step != 1:
            centres = first + step * torch.arange(m, dtype=torch.float64)
            weights = _triangle_weights(centres, n, width=max(step, 1.0))
            values = torch.tensordot(values, weights, dims=([axis + 1], [1])).movedim(-1, axis + 1)
    return MetaTensor(values.contiguous(), affine=image.affine.double() @ to_old)


def _to_old(shape: Sequence[int], size: Sequence[int], steps: Sequence[float]) -> torch.Tensor:
    """From new voxels to old ones: (dims + 1) squared, centred on the image."""
    to_old = torch.diag(torch.tensor([*steps, 1.0], dtype=torch.float64))
    for axis, (n, m, step) in enumerate(zip(shape, size, steps, strict=True)):
        to_old[axis, -1] = (n - 1) / 2 - step * (m - 1) / 2
    return to_old


def _triangle_weights(centres: torch.Tensor, n: int, *, width: float) -> torch.Tensor:
    """Weights (len(centres), n) of the old voxels in each new one; rows sum to 1."""
    inside = centres.clamp(-0.5, n - 0.5)
    distance = (inside[:, None] - torch.arange(n, dtype=torch.float64)).abs()
    weights = (1 - distance / width).clamp(min=0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
