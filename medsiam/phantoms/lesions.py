"""The conditions: a condition is the pattern of its lesion, and nothing else tells it apart.

Each pattern is one formula for 2D and 3D: it takes coordinates in the lesion's own frame (the
lesion fills about the unit ball) and returns a distance to the lesion's surface, negative inside.
The distance is exact or near enough to draw a soft edge. Small details (how many nodules, where
they lie) come from the generator, so that two patients never share a lesion.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Vector = NDArray[np.floating]
Pattern = Callable[[Field, np.random.Generator], Field]

REACH = 1.6
"""No lesion reaches further from its centre, in lesion radii: stretch, warp and edge included."""


def _norm(u: Field) -> Field:
    length: Field = np.sqrt(np.einsum("i...,i...->...", u, u))
    return length


def _column(vector: Vector, u: Field) -> Field:
    """A vector shaped so that it broadcasts against coordinates."""
    return vector.astype(np.float32).reshape(-1, *(1,) * (u.ndim - 1))


def _unit(axis: int, spatial_dims: int) -> NDArray[np.float64]:
    vector: NDArray[np.float64] = np.eye(spatial_dims)[axis]
    return vector


def _ball(u: Field, centre: Vector, radius: float) -> Field:
    return _norm(u - _column(centre, u)) - np.float32(radius)


def _shell(u: Field, radius: float, half_thickness: float) -> Field:
    to_middle: Field = np.abs(_norm(u) - np.float32(radius))
    return to_middle - np.float32(half_thickness)


def _union(*shapes: Field) -> Field:
    distance: Field = np.minimum.reduce(shapes)
    return distance


def _within(shape: Field, other: Field) -> Field:
    distance: Field = np.maximum(shape, other)
    return distance


def _rod(u: Field, start: Vector, end: Vector, radius: float) -> Field:
    """Distance to a rod with round ends."""
    axis = end - start
    along = np.tensordot(axis / (axis @ axis), u - _column(start, u), axes=1).astype(np.float32)
    nearest = _column(axis, u) * np.clip(along, 0, 1)
    return _norm(u - _column(start, u) - nearest) - np.float32(radius)


def _to_nearest_plane(x: Field, period: float) -> Field:
    """Distance to the nearest of the planes x = 0, +-period, ..."""
    return np.abs(x - np.float32(period) * np.round(x / np.float32(period)))


def _directions(spatial_dims: int, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n, spatial_dims) unit vectors, about evenly spread."""
    steps = np.arange(n)
    if spatial_dims == 2:
        angles = 2 * np.pi * (steps + rng.uniform(-0.15, 0.15, n)) / n
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    height = 1 - (2 * steps + 1) / n  # Fibonacci lattice on the sphere
    angles = np.pi * (3 - np.sqrt(5)) * steps
    ring = np.sqrt(1 - height**2)
    spread = np.stack([ring * np.cos(angles), ring * np.sin(angles), height], axis=1)
    spread += rng.normal(0, 0.08, spread.shape)
    return np.asarray(spread / np.linalg.norm(spread, axis=1, keepdims=True))


def _solid_mass(u: Field, rng: np.random.Generator) -> Field:
    return _ball(u, np.zeros(len(u)), rng.uniform(0.72, 0.82))


def _thin_shell(u: Field, rng: np.random.Generator) -> Field:
    return _shell(u, 0.84, rng.uniform(0.10, 0.14))


def _nodule_cluster(u: Field, rng: np.random.Generator) -> Field:
    wanted = int(rng.integers(6, 9) if len(u) == 2 else rng.integers(9, 13))
    centres: list[NDArray[np.float64]] = []
    for candidate in rng.uniform(-0.75, 0.75, (600, len(u))):
        apart = all(np.linalg.norm(candidate - other) > 0.52 for other in centres)
        if apart and np.linalg.norm(candidate) < 0.78 and len(centres) < wanted:
            centres.append(candidate)
    return _union(*(_ball(u, centre, rng.uniform(0.18, 0.24)) for centre in centres))


def _parallel_layers(u: Field, rng: np.random.Generator) -> Field:
    period = rng.uniform(0.46, 0.56)
    shifted = u[0] + np.float32(rng.uniform(0, period))
    layers = _to_nearest_plane(shifted, period) - np.float32(period / 4)
    return _within(layers, _ball(u, np.zeros(len(u)), 0.9))


def _crossed_bars(u: Field, rng: np.random.Generator) -> Field:
    half = rng.uniform(0.15, 0.20)
    ends = [(0.95 - half) * _unit(axis, len(u)) for axis in range(len(u))]
    return _union(*(_rod(u, -end, end, half) for end in ends))


def _cavity_with_nodule(u: Field, rng: np.random.Generator) -> Field:
    radius = rng.uniform(0.27, 0.33)
    nodule = _ball(u, (0.76 - radius) * _unit(0, len(u)), radius)
    return _union(_shell(u, 0.85, 0.10), nodule)


def _grid_lattice(u: Field, rng: np.random.Generator) -> Field:
    period, offset = rng.uniform(0.55, 0.65), rng.uniform(-0.3, 0.3, len(u))
    to_planes = _to_nearest_plane(u + _column(offset, u), period)
    rods = [_norm(np.delete(to_planes, axis, axis=0)) for axis in range(len(u))]
    half = 0.085 if len(u) == 2 else 0.125
    lattice = _union(*rods) - np.float32(half)
    return _within(lattice, _ball(u, np.zeros(len(u)), 0.95))


def _forked_rod(u: Field, rng: np.random.Generator) -> Field:
    angles = np.array([0, 2.2, 4.1]) + rng.uniform(-0.15, 0.15, 3)
    rods = []
    for angle in angles:
        tip = np.cos(angle) * _unit(0, len(u)) + np.sin(angle) * _unit(1, len(u))
        rods.append(_rod(u, np.zeros(len(u)), 0.75 * tip, 0.19))
    return _union(*rods)


def _dumbbell(u: Field, rng: np.random.Generator) -> Field:
    apart, radius = 0.56 * _unit(0, len(u)), rng.uniform(0.34, 0.40)
    balls = _ball(u, apart, radius), _ball(u, -apart, radius)
    return _union(*balls, _rod(u, -apart, apart, 0.12))


def _concentric_rings(u: Field, rng: np.random.Generator) -> Field:
    half = rng.uniform(0.085, 0.105)
    rings = _shell(u, 0.88, half), _shell(u, 0.50, half)
    return _union(*rings, _ball(u, np.zeros(len(u)), 0.16))


def _checkered_block(u: Field, rng: np.random.Generator) -> Field:
    cell = np.float32(rng.uniform(0.32, 0.37))
    side = (u / cell) % 2 - 1  # its sign changes from cell to cell
    to_wall = cell * np.minimum(np.abs(side), 1 - np.abs(side))
    checker = np.prod(np.sign(side), axis=0) * np.min(to_wall, axis=0)
    return _within(checker, np.max(np.abs(u), axis=0) - 2 * cell)


def _crescent(u: Field, rng: np.random.Generator) -> Field:
    bite = _ball(u, rng.uniform(0.38, 0.48) * _unit(0, len(u)), 0.68)
    return _within(_ball(u, np.zeros(len(u)), 0.9), -bite)


def _spiculated_star(u: Field, rng: np.random.Generator) -> Field:
    n = int(rng.integers(7, 10) if len(u) == 2 else rng.integers(12, 16))
    radius = _norm(u)
    width = np.float32(0.17) * (1 - radius / np.float32(1.05))  # spikes taper outwards
    spikes = [
        _rod(u, np.zeros(len(u)), rng.uniform(0.85, 1.0) * tip, 0) - width
        for tip in _directions(len(u), n, rng)
    ]
    return _union(*spikes, radius - np.float32(0.36))


_TRAINING: dict[str, Pattern] = {
    "solid mass": _solid_mass,
    "thin shell": _thin_shell,
    "nodule cluster": _nodule_cluster,
    "parallel layers": _parallel_layers,
    "crossed bars": _crossed_bars,
    "cavity with nodule": _cavity_with_nodule,
    "grid lattice": _grid_lattice,
    "forked rod": _forked_rod,
}
_UNSEEN: dict[str, Pattern] = {
    "dumbbell": _dumbbell,
    "concentric rings": _concentric_rings,
    "checkered block": _checkered_block,
    "crescent": _crescent,
    "spiculated star": _spiculated_star,
}
_PATTERNS = _TRAINING | _UNSEEN

TRAINING_CONDITIONS = tuple(_TRAINING)
"""Conditions an encoder may be trained on."""
UNSEEN_CONDITIONS = tuple(_UNSEEN)
"""Conditions kept for banks and queries; nothing is trained on them."""
CONDITIONS = TRAINING_CONDITIONS + UNSEEN_CONDITIONS


def draw_lesion(
    condition: str, u: Field, *, edge: Field | float, rng: np.random.Generator
) -> Field:
    """Draw a condition's pattern in the lesion's own frame.

    Args:
        condition: one of `CONDITIONS`.
        u: (spatial_dims, ...) coordinates; the lesion fills about the unit ball.
        edge: width of the soft edge, in the same units.
        rng: source of the pattern's small details.

    Returns:
        (...) share of lesion in each point, 0 outside, 1 inside.
    """
    share = np.clip(0.5 - _PATTERNS[condition](u, rng) / np.float32(edge), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
