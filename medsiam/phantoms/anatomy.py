"""The body around the lesion: soft shapes in the manner of a chest film and of an abdominal CT.

Body coordinates are in units of half the field's width, with the origin in the middle: x to the
patient's left, y down the film (radiograph) or to the back (CT), z to the head (CT). Shapes are
drawn in these coordinates, so that one patient looks alike in every study, at any voxel size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

AIR = -1000.0
"""HU outside the body."""
_ORGANS = (  # centre and half axes
    ((-0.35, -0.10, 0.20), (0.36, 0.34, 0.40)),  # liver
    ((0.45, 0.10, 0.25), (0.18, 0.22, 0.26)),  # spleen
    ((-0.32, 0.28, -0.25), (0.13, 0.14, 0.26)),  # right kidney
    ((0.32, 0.28, -0.20), (0.13, 0.14, 0.26)),  # left kidney
)


def _vary(rng: np.random.Generator, *values: float, by: float) -> list[float]:
    return [float(value + rng.uniform(-by, by)) for value in values]


def _soft(distance: Field, edge: float) -> Field:
    """1 where `distance` is well below 0, 0 well above, smooth between."""
    share: Field = distance * np.float32(-1 / edge)
    share += np.float32(0.5)
    np.clip(share, 0, 1, out=share)
    smooth: Field = share * np.float32(-2)
    smooth += np.float32(3)
    smooth *= share
    smooth *= share
    return smooth


def _radius(p: Field, centre: Sequence[float], radii: Sequence[float]) -> Field:
    """1 on the ellipsoid's surface, 0 in its centre; axes beyond `centre` are left out."""
    total: Field = np.zeros_like(p[0])
    for x, middle, half in zip(p, centre, radii, strict=False):
        step = x - np.float32(middle)
        step *= np.float32(1 / half)
        step *= step
        total += step
    np.sqrt(total, out=total)
    return total


def _blob(p: Field, centre: Sequence[float], radii: Sequence[float], edge: float = 0.1) -> Field:
    return _soft((_radius(p, centre, radii) - 1) * np.float32(min(radii)), edge)


def _waves(p: Field, rng: np.random.Generator, *, n: int, lengths: tuple[float, float]) -> Field:
    """A smooth random field of about unit variance: a sum of `n` plane waves."""
    total: Field = np.zeros_like(p[0])
    for _ in range(n):
        direction = rng.normal(size=len(p))
        direction *= 2 * np.pi / rng.uniform(*lengths) / np.linalg.norm(direction)
        phase: Field = np.full_like(p[0], rng.uniform(0, 2 * np.pi))
        for x, factor in zip(p, direction, strict=True):
            phase += x * np.float32(factor)
        total += np.cos(phase, out=phase)
    return total * np.float32(np.sqrt(2 / n))


def draw_radiograph(p: Field, rng: np.random.Generator) -> Field:
    """Draw a chest-film-like background.

    Args:
        p: (2, nx, ny) body coordinates.
        rng: the patient's own generator.

    Returns:
        (nx, ny) brightness, about -1.5 to 2.5; dense structures are bright.
    """
    x, y = p
    image = _blob(p, _vary(rng, 0, 0.1, by=0.1), _vary(rng, 0.95, 1.4, by=0.12), 0.3)
    lung_size = _vary(rng, 0.33, 0.58, by=0.07)
    depth = rng.uniform(0.7, 1.3)
    for side in (-1, 1):
        centre = _vary(rng, side * 0.43, -0.08, by=0.06)
        lung = _blob(p, centre, _vary(rng, *lung_size, by=0.04), 0.16)
        dome = _soft(y - np.float32(rng.uniform(0.3, 0.55)) + (x - centre[0]) ** 2, 0.08)
        image -= np.float32(depth) * lung * dome
    heart = _blob(p, _vary(rng, 0.14, 0.22, by=0.08), _vary(rng, 0.32, 0.28, by=0.07), 0.15)
    image += np.float32(rng.uniform(0.5, 1.0)) * heart
    bend = np.float32(rng.uniform(-0.06, 0.06)) * np.sin(3 * y)
    image += np.float32(rng.uniform(0.3, 0.7)) * _soft(np.abs(x - bend) - 0.07, 0.06)
    image += _ribs(x, y, rng)
    image += np.float32(0.25) * _waves(p, rng, n=8, lengths=(0.5, 1.6))
    image += np.float32(0.08) * _waves(p, rng, n=12, lengths=(0.12, 0.4))
    return image


def _ribs(x: Field, y: Field, rng: np.random.Generator) -> Field:
    period, slope, peak = rng.uniform(0.17, 0.26), rng.uniform(0.2, 0.5), rng.uniform(0, 0.2)
    arch = y + np.float32(slope) * x * x - np.float32(peak) * np.abs(x)
    stripes = _stripes(arch, period, rng, edge=0.5)
    inside = _soft(np.abs(x) - np.float32(0.78), 0.2) * _soft(np.abs(y) - np.float32(0.7), 0.3)
    return np.float32(rng.uniform(0.12, 0.35)) * stripes * inside


def _stripes(x: Field, period: float, rng: np.random.Generator, *, edge: float) -> Field:
    phase: Field = x * np.float32(2 * np.pi / period)
    phase += np.float32(rng.uniform(0, 2 * np.pi))
    return _soft(np.float32(0.35) - np.cos(phase), edge)


def draw_ct(p: Field, rng: np.random.Generator) -> Field:
    """Draw an abdominal-CT-like background.

    Args:
        p: (3, nx, ny, nz) body coordinates.
        rng: the patient's own generator.

    Returns:
        (nx, ny, nz) HU: air outside, fat, soft tissue, organs, spine, ribs, gas, sometimes a table.
    """
    x, y, z = p
    outline = _vary(rng, 0.86, 0.70, by=0.07)
    shape = _radius(p, (0, 0), outline) + np.float32(rng.uniform(-0.08, 0.08)) * z
    depth = (shape - 1) * np.float32(min(outline))  # below 0 inside the body
    fat = rng.uniform(0.03, 0.10)
    volume: Field = np.full_like(x, AIR)
    volume += np.float32(900) * _soft(depth, 0.05)
    volume += np.float32(rng.uniform(130, 160)) * _soft(depth + np.float32(fat), 0.04)
    volume += _organs(p, rng)
    spine_y = outline[1] - rng.uniform(0.24, 0.3)
    vertebrae = np.cos(z * np.float32(2 * np.pi / rng.uniform(0.25, 0.35)))
    spine = _blob(p, (rng.uniform(-0.04, 0.04), spine_y), _vary(rng, 0.13, 0.12, by=0.02), 0.05)
    volume += spine * (np.float32(rng.uniform(250, 450)) + 60 * vertebrae)
    volume += _bone_cage(p, depth + np.float32(fat + 0.04), rng)
    volume += np.float32(20) * _waves(p, rng, n=6, lengths=(0.4, 1.2)) * (depth < 0)
    if rng.random() < 0.5:
        table = np.abs(y - np.float32(outline[1] + rng.uniform(0.05, 0.12))) - np.float32(0.03)
        volume += np.float32(rng.uniform(500, 800)) * _soft(table, 0.05) * (np.abs(x) < 0.7)
    return volume


def _organs(p: Field, rng: np.random.Generator) -> Field:
    """HU that organs add to soft tissue, and gas takes away."""
    total: Field = np.zeros_like(p[0])
    for centre, radii in _ORGANS:
        organ = _blob(p, _vary(rng, *centre, by=0.07), _vary(rng, *radii, by=0.04))
        total += np.float32(rng.uniform(30, 110)) * organ
    for _ in range(int(rng.integers(1, 4))):
        gas = _blob(p, _vary(rng, 0, 0, 0, by=0.4), _vary(rng, 0.1, 0.1, 0.1, by=0.04))
        total -= np.float32(rng.uniform(300, 700)) * gas
    return total


def _bone_cage(p: Field, depth: Field, rng: np.random.Generator) -> Field:
    """Slanted ribs in a thin layer, where `depth` is about 0."""
    _, y, z = p
    slanted = z + np.float32(rng.uniform(0.2, 0.5)) * y
    ribs = _stripes(slanted, rng.uniform(0.3, 0.42), rng, edge=0.6)
    layer = _soft(np.abs(depth) - np.float32(0.02), 0.05)
    return np.float32(rng.uniform(250, 450)) * ribs * layer
