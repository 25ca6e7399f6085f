"""Sizes and thicknesses of one structure, given as the bright part of a two-valued volume.

What is measured does not change when the structure is shifted, mirrored along any axis or turned
by a quarter about the slice axis (the third); turned by other angles within the slices it changes
by what the voxel grid adds. It does change when the slice axis points elsewhere: radiologists
measure the limbs of an adrenal gland across, in axial slices, and so do half of these measures.
Everything is in mm, so the same structure in other voxels has nearly the same measures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

BRIGHT = 0.5  # from this value on a voxel belongs to the structure

_DEPTHS = (1.2, 1.6, 2.1, 2.6, 3.1, 3.6, 4.1, 4.6, 5.1, 6.1)  # mm to the nearest voxel outside
_RADII = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0)  # mm, of the discs that open a slice
_BLURS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)  # mm, standard deviations
_REACH = 4  # standard deviations after which a blur ends
_PARTS = 8  # of the longest axis
_FAR = 1e9  # mm^2: no voxel outside on this line
_WITHIN = (0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
_OVER_SLICES = (0.25, 0.50, 0.75)
_CROWDED = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class ShapeMeasure:
    """What one number of the vector is.

    Attributes:
        family: numbers of one family share one weight.
        name: depth, radius, quantile or part.
    """

    family: str
    name: str


def list_shape_measures() -> tuple[ShapeMeasure, ...]:
    """Return what `measure_shapes` gives, in its order."""
    depths = [f"deeper than {depth} mm" for depth in _DEPTHS]
    crowding = ("mean", "spread", *(f"quantile {q}" for q in _CROWDED), "largest")
    names = {
        "depth": depths,
        "depth in slices": depths,
        "opening of slices": [f"disc of {radius} mm" for radius in _RADII],
        "thickness of slices": [
            *(f"quantile {q}" for q in _WITHIN),
            *(f"quantile {q} of the slices' thickest places" for q in _OVER_SLICES),
            "mean of the slices' thickest places",
            "thickest place",
        ],
        "size": ("log volume", "log surface", "log largest slice", "log mean slice", "height"),
        "crowding": [f"{what} at {blur} mm" for blur in _BLURS for what in crowding],
        "profile": [f"log volume of part {part + 1}" for part in range(_PARTS)],
    }
    return tuple(ShapeMeasure(family, name) for family in names for name in names[family])


def measure_shapes(volumes: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    """Measure the bright structure of every volume.

    Args:
        volumes: (n, 1, x, y, z), the structure at least `BRIGHT`; beyond the volume there is none.
        spacing: mm between voxels.

    Returns:
        (n, measures), finite, in the order of `list_shape_measures`; zeros where nothing is
        bright.
    """
    return torch.stack([_measure_one(volume[0] >= BRIGHT, spacing) for volume in volumes])


def inside_distance(
    inside: torch.Tensor,
    spacing: tuple[float, ...],
    *,
    axes: tuple[int, ...] = (0, 1, 2),
    up_to: float = math.inf,
) -> torch.Tensor:
    """Distance from each voxel to the nearest voxel outside, exactly.

    Squared distances of one axis after the other, as in P. Felzenszwalb and D. Huttenlocher,
    "Distance transforms of sampled functions", Theory of Computing 8 (2012); each axis is looked
    along no farther than the greatest distance found so far, which is short in thin structures.

    Args:
        inside: bool, (x, y, z).
        spacing: mm between voxels.
        axes: along which to look; without the third, every slice is on its own.
        up_to: mm from which on any greater distance will do.

    Returns:
        float32, mm between voxel centres, 0 outside; sqrt of 1e9 where nothing is outside.
    """
    squared = torch.where(inside, _FAR, 0.0)
    for axis in axes:
        before = squared.movedim(axis, -1)
        after = before.clone()
        for n in range(1, before.shape[-1]):
            step = (n * spacing[axis]) ** 2
            if step >= min(float(after.max()), up_to**2):
                break
            torch.minimum(after[..., n:], before[..., :-n] + step, out=after[..., n:])
            torch.minimum(after[..., :-n], before[..., n:] + step, out=after[..., :-n])
        squared = after.movedim(-1, axis)
    return squared.sqrt()


def _measure_one(inside: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    """(x, y, z) bool -> (measures,)."""
    if not inside.any():
        return torch.zeros(len(list_shape_measures()))
    inside = functional.pad(_cut_out(inside).float(), (1,) * 6) > 0
    depth = inside_distance(inside, spacing)
    in_slices = inside_distance(inside, spacing, axes=(0, 1))
    return torch.cat(
        [
            _shares(depth[inside]),
            _shares(in_slices[inside]),
            _openings(inside, in_slices, spacing),
            _thickness(inside, in_slices),
            _size(inside, spacing),
            _crowding(inside, spacing),
            _profile(inside, spacing),
        ]
    )


def _cut_out(inside: torch.Tensor) -> torch.Tensor:
    places = inside.nonzero()
    low, high = places.amin(dim=0).tolist(), (places.amax(dim=0) + 1).tolist()
    return inside[low[0] : high[0], low[1] : high[1], low[2] : high[2]]


def _shares(depths: torch.Tensor) -> torch.Tensor:
    return torch.stack([(depths > depth).float().mean() for depth in _DEPTHS])


def _openings(
    inside: torch.Tensor, in_slices: torch.Tensor, spacing: tuple[float, ...]
) -> torch.Tensor:
    """Share of the volume that discs reach which lie wholly within a slice of the structure."""
    left = []
    for radius in _RADII:
        centres = in_slices >= radius
        away = inside_distance(~centres, spacing, axes=(0, 1), up_to=radius)
        left.append((inside & (away < radius)).sum() / inside.sum())
    return torch.stack(left)


def _thickness(inside: torch.Tensor, in_slices: torch.Tensor) -> torch.Tensor:
    """Depths within slices (mm), and the greatest of each slice."""
    thickest = in_slices.amax(dim=(0, 1))
    thickest = thickest[thickest > 0]
    return torch.cat(
        [
            torch.quantile(in_slices[inside], torch.tensor(_WITHIN)),
            torch.quantile(thickest, torch.tensor(_OVER_SLICES)),
            torch.stack([thickest.mean(), thickest.max()]),
        ]
    )


def _size(inside: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    voxel = math.prod(spacing)
    faces = [
        (inside.diff(dim=axis) != 0).sum() * (voxel / spacing[axis]) for axis in range(inside.ndim)
    ]
    areas = inside.sum(dim=(0, 1)) * (spacing[0] * spacing[1])
    areas = areas[areas > 0]
    height = torch.tensor(float(len(areas)) * spacing[2])
    logs = torch.stack(
        [inside.sum() * voxel, torch.stack(faces).sum(), areas.max(), areas.mean()]
    ).log()
    return torch.cat([logs, height[None]])


def _crowding(inside: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    """How full the neighbourhood of the structure's own voxels is, near and far."""
    found = []
    for blur in _BLURS:
        full = inside.float()
        for axis, step in enumerate(spacing):
            full = _blurred(full, axis, blur / step)
        values = full[inside]
        moments = [values.mean(), values.std(correction=0), values.max()]
        quantiles = torch.quantile(values, torch.tensor(_CROWDED))
        found.append(torch.cat([torch.stack(moments[:2]), quantiles, moments[2][None]]))
    return torch.cat(found)


def _blurred(full: torch.Tensor, axis: int, deviation: float) -> torch.Tensor:
    """Gaussian blur along an axis, in voxels; beyond the volume is nothing."""
    lines = full.movedim(axis, -1)
    place = torch.arange(lines.shape[-1], dtype=full.dtype)
    apart = (place[:, None] - place).abs()
    reach = int(_REACH * deviation + 0.5)
    kernel = (-0.5 * (torch.arange(-reach, reach + 1, dtype=full.dtype) / deviation) ** 2).exp()
    weights = (-0.5 * (apart / deviation) ** 2).exp().masked_fill(apart > reach, 0) / kernel.sum()
    return (lines @ weights).movedim(-1, axis)


def _profile(inside: torch.Tensor, spacing: tuple[float, ...]) -> torch.Tensor:
    """log(1 + mm^3) of equal parts of the longest principal axis, from its fuller half."""
    places = inside.nonzero().to(torch.float64) * torch.tensor(spacing, dtype=torch.float64)
    places = places - places.mean(dim=0)
    axes = torch.linalg.eigh(places.T @ places).eigenvectors
    along = places @ axes[:, -1]
    span = (along.max() - along.min()).clamp_min(min(spacing))
    part = ((along - along.min()) / span * _PARTS).long().clamp_max(_PARTS - 1)
    volumes = torch.bincount(part, minlength=_PARTS).float() * math.prod(spacing)
    if volumes[: _PARTS // 2].sum() < volumes[_PARTS // 2 :].sum():
        volumes = volumes.flip(0)
    return volumes.log1p()
