"""Sizes and shapes of segmented structures as differentiable soft sums, in mm and ml.

All sums run over probabilities, so half a voxel counts half, and small errors of a segmentation
stay small errors of the measures. Nothing refers to the field of view: levels run along the
structures themselves, sectors around the `centre` structure, the first one towards the `front`
structure, so that a shift or a turn of the volume in its plane changes nothing but rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import torch

from medsiam.encoders.card import AnatomyPlan

N_LEVELS = 6  # from the base to the apex of all structures together
N_SECTORS = 8  # of 45 degrees

_SMALLEST_VOLUME = 0.1  # ml, so that an absent structure has a logarithm
_FAINT = 0.1  # share of the largest slice area at which a slice is half present
_STEADY = 100.0  # mm^2 of the centre structure that weigh as much as the volume's own middle
_MEAN_INVERSE_RADIUS = 3.5255  # of a unit square around the origin: 4 ln(1 + sqrt 2)
_PEAK = 8  # exponent of the mean that stands for the thickest place
_NEAR = 1.8  # radii of all structures together within which a voxel belongs to them
_STEEP = 16  # how suddenly voxels beyond lose their weight
_SEARCHES = 4


@dataclass(frozen=True)
class Measure:
    """What one number of the vector is.

    Attributes:
        family: numbers of one family share one weight.
        name: structure or pair, with level or sector.
    """

    family: str
    name: str


def list_measures(plan: AnatomyPlan) -> tuple[Measure, ...]:
    """Return what `measure` gives, in its order."""
    one = plan.structures
    around = [name for name in one if name != plan.centre]
    two = [f"{a}/{b}" for a, b in combinations(one, 2)]
    levels = [f"level {level + 1}" for level in range(N_LEVELS)]
    sectors = [f"sector {sector + 1}" for sector in range(N_SECTORS)]
    names = {
        "volume": one,
        "log volume": one,
        "volume ratio": (*two, *(f"{a} share" for a in one)),
        "radius": [f"{a} {level}" for a in one for level in levels],
        "thickness": [f"{a} {level}" for a in one for level in (*levels, "thickest")],
        "thickness ratio": [f"{pair} {level}" for pair in two for level in levels],
        "unevenness": [f"{a} {level}" for a in around for level in levels],
        "sector": [f"{a} {sector}" for a in one for sector in sectors],
        "extent": [f"{a} {way}" for a in one for way in ("height", "length", "width")],
        "distance": [f"{pair} {way}" for pair in two for way in ("in plane", "along axis")],
    }
    return tuple(Measure(family, name) for family in names for name in names[family])


def measure(probabilities: torch.Tensor, plan: AnatomyPlan) -> torch.Tensor:
    """Measure every structure of every volume.

    Args:
        probabilities: (n, 1 + structures, x, y, z), background first.
        plan: names of the structures, spacing in mm.

    Returns:
        (n, measures), finite, in the order of `list_measures`.
    """
    return torch.stack([_measure_one(volume[1:], plan) for volume in probabilities])


def _measure_one(shares: torch.Tensor, plan: AnatomyPlan) -> torch.Tensor:
    """(structures, x, y, z) -> (measures,)."""
    shares = shares * _nearness(shares.detach(), plan.spacing)[..., None]
    pairs = list(combinations(range(len(shares)), 2))
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    spacing = plan.spacing
    areas = shares.sum(dim=(1, 2)) * spacing[0] * spacing[1]  # mm^2 per slice
    volumes = areas.sum(dim=1) * spacing[2] / 1000
    logs = (volumes + _SMALLEST_VOLUME).log()
    total = volumes.sum() + _SMALLEST_VOLUME

    front = plan.structures.index(plan.front) if plan.front is not None else None
    weights, towards_base = _levels(areas, front)
    thickness = _thickness(shares, areas, plan)  # (structures, sectors, z) mm
    by_level = torch.einsum("skz,lz->skl", thickness, weights)
    mean_thickness = by_level.mean(dim=1)
    thickest = (by_level.clamp(min=0) ** _PEAK + 1e-6).mean(dim=(1, 2)) ** (1 / _PEAK)
    uneven = (by_level.var(dim=1, unbiased=False) + 1e-2).sqrt()
    radii = ((areas @ weights.T + 1) / math.pi).sqrt()
    extents, distances = _extents(shares, spacing, towards_base, first, second)
    log_thickness = (mean_thickness + 1).log()
    parts = [
        volumes,
        logs,
        logs[first] - logs[second],
        volumes / total,
        radii,
        torch.cat([mean_thickness, thickest[:, None]], dim=1),
        log_thickness[first] - log_thickness[second],
        uneven[[name != plan.centre for name in plan.structures]],
        by_level.mean(dim=2),
        extents,
        distances,
    ]
    return torch.cat([part.flatten() for part in parts])


def _nearness(shares: torch.Tensor, spacing: tuple[float, float, float]) -> torch.Tensor:
    """Weight of each place in the plane, (x, y): 1 at the structures, 0 far away.

    A few voxels found by mistake on the other side of the body would spoil every extent. Their
    weight falls with the distance from the middle of all structures, which is looked for again
    with the weights found.
    """
    areas = shares.sum(dim=(0, 1, 2)) * spacing[0] * spacing[1]
    # Where nothing is found there is no size either: one voxel, or the weights would all be 0.
    radius = (areas.max() / math.pi + 1e-6).sqrt().clamp_min(max(spacing[:2]))
    reach = _NEAR * radius
    flat = (shares**2).sum(dim=(0, 3)) + 1e-9  # squared: what is found surely counts for more
    x, y = (
        torch.arange(n, dtype=flat.dtype, device=flat.device) * step
        for n, step in zip(flat.shape, spacing[:2], strict=True)
    )
    near = torch.ones_like(flat)
    for _ in range(_SEARCHES):
        sure = flat * near
        middle_x = (sure.sum(dim=1) @ x) / sure.sum()
        middle_y = (sure.sum(dim=0) @ y) / sure.sum()
        away = ((x[:, None] - middle_x) ** 2 + (y[None] - middle_y) ** 2).sqrt()
        near = 1 / (1 + (away / reach) ** _STEEP)
    return near


def _levels(areas: torch.Tensor, front: int | None) -> tuple[torch.Tensor, float]:
    """Weights (levels, z) of the slices in each level, base first, and which way the base lies.

    A stack of equal slices has the extent sqrt(12) times its standard deviation; the same rule
    finds both ends of a stack whose end slices are faint, without a threshold.
    """
    n = areas.shape[1]
    total = areas.sum(dim=0).detach()
    presence = total / (total + _FAINT * total.max() + 1e-6) + 1e-6
    presence = presence / presence.sum()
    z = torch.arange(n, dtype=areas.dtype, device=areas.device)
    middle = (presence * z).sum()
    half = (3 * ((presence * (z - middle) ** 2).sum() + 1 / 12)).sqrt()
    # The base is the end where the front structure (else everything together) is larger.
    guide = total if front is None else areas[front].detach()
    towards_base = 1.0 if float((guide * (z - middle)).sum()) > 0 else -1.0
    steps = (torch.arange(N_LEVELS, dtype=z.dtype, device=z.device) + 0.5) / N_LEVELS
    centres = middle + towards_base * half * (1 - 2 * steps)
    width = (2 * half / N_LEVELS).clamp(min=1.0)
    weights = (1 - (z[None] - centres[:, None]).abs() / width).clamp(min=0) * presence
    return weights / (weights.sum(dim=1, keepdim=True) + 1e-9), towards_base


def _thickness(shares: torch.Tensor, areas: torch.Tensor, plan: AnatomyPlan) -> torch.Tensor:
    """Mean length (mm) of the rays from the centre inside each structure: (structures, sectors, z).

    The integral of the share along a ray, averaged over the angles of a sector, is the sum over
    area of share / radius, divided by the sector's angle. Sectors fade into their neighbours.
    The centre structure itself gets the radius of its sectors.
    """
    spacing = plan.spacing
    x, y = (
        torch.arange(n, dtype=shares.dtype, device=shares.device) * step
        for n, step in zip(shares.shape[1:3], spacing[:2], strict=True)
    )
    centre = plan.structures.index(plan.centre)
    middle_x, middle_y = _middles(shares[centre].detach(), areas[centre].detach(), x, y, spacing)
    dx = x[:, None, None] - middle_x
    dy = y[None, :, None] - middle_y
    angle = torch.atan2(dy, dx)
    if plan.front is not None:
        ahead = shares[plan.structures.index(plan.front)].detach()
        angle = angle - torch.atan2((ahead * dy).sum(), (ahead * dx).sum())
    step = math.sqrt(spacing[0] * spacing[1])
    inverse = 1 / (dx**2 + dy**2).sqrt().clamp(min=step / _MEAN_INVERSE_RADIUS)
    width = 2 * math.pi / N_SECTORS
    mids = torch.arange(N_SECTORS, dtype=shares.dtype, device=shares.device) * width
    away = torch.remainder(angle - mids[:, None, None, None] + math.pi, 2 * math.pi) - math.pi
    sectors = (1 - away.abs() / width).clamp(min=0) * (spacing[0] * spacing[1] / width)
    rays = torch.einsum("sxyz,kxyz->skz", shares, sectors * inverse)
    # Around the origin 1 / radius is steep: there, the radius of a sector of equal area.
    radius = (2 * torch.einsum("xyz,kxyz->kz", shares[centre], sectors) + 1e-2).sqrt()
    return torch.stack([radius if s == centre else rays[s] for s in range(len(shares))])


def _middles(
    share: torch.Tensor,
    areas: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    spacing: tuple[float, float, float],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Middle of a structure in each slice (mm), near the volume's middle where it is faint."""
    voxel = spacing[0] * spacing[1]
    middles = []
    for axis, along in enumerate((x, y)):
        moments = (share.sum(dim=1 - axis) * along[:, None]).sum(dim=0) * voxel  # per slice
        whole = (moments.sum() + 1e-3 * along.mean()) / (areas.sum() + 1e-3)
        middles.append((moments + _STEADY * whole) / (areas + _STEADY))
    return middles[0], middles[1]


def _extents(
    shares: torch.Tensor,
    spacing: tuple[float, float, float],
    towards_base: float,
    first: list[int],
    second: list[int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Height, length and width of each structure, and where they lie to each other; all mm.

    Height is sqrt(12) standard deviations along the slice axis (a box's own height), length and
    width are four along the principal axes in the plane (an ellipse's own diameters).
    """
    mass = shares.sum(dim=(1, 2, 3)) + 1e-3
    means, spreads = [], []
    along = [
        torch.arange(n, dtype=shares.dtype, device=shares.device) * step
        for n, step in zip(shares.shape[1:], spacing, strict=True)
    ]
    for axis in range(3):
        profile = shares.sum(dim=[other + 1 for other in range(3) if other != axis])
        mean = (profile @ along[axis]) / mass
        means.append(mean)
        spreads.append((profile * (along[axis] - mean[:, None]) ** 2).sum(dim=1) / mass)
    flat = shares.sum(dim=3)
    off_x = along[0][None, :, None] - means[0][:, None, None]
    off_y = along[1][None, None, :] - means[1][:, None, None]
    covariance = (flat * off_x * off_y).sum(dim=(1, 2)) / mass
    half = (spreads[0] + spreads[1]) / 2
    lean = (((spreads[0] - spreads[1]) / 2) ** 2 + covariance**2 + 1e-6).sqrt()
    extents = torch.stack(
        [
            (12 * (spreads[2] + spacing[2] ** 2 / 12)).sqrt(),
            4 * (half + lean + 1e-6).sqrt(),
            4 * (half - lean).clamp(min=1e-6).sqrt(),
        ],
        dim=1,
    )
    apart = [mean[first] - mean[second] for mean in means]
    in_plane = (apart[0] ** 2 + apart[1] ** 2 + 1e-6).sqrt()
    return extents, torch.stack([in_plane, towards_base * apart[2]], dim=1)
