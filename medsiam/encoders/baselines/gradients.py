"""Histograms of oriented gradients of images and volumes: shapes and textures, nothing learned."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.preprocessing.recipe import Recipe
from medsiam.preprocessing.transform import prepare
from medsiam.scans.scan import Scan

Floats = NDArray[np.float64]

_EDGE = {2: 64, 3: 32}  # voxels along an axis
_CELL = 8
_BLOCK = 2  # cells along an axis that share one length
_LARGEST = 0.2  # of a block's values after its length was taken, so that one edge does not rule


def gradient_vector(scan: Scan) -> torch.Tensor:
    """Describe a scan by its gradients' directions in each part.

    The whole scan is shrunk to 64 x 64 or 32 x 32 x 32. In cells of 8 voxels along each axis, the
    gradients' magnitudes are summed by direction, where opposite directions are one; blocks of two
    cells along each axis get unit length, are clipped at 0.2 and get unit length again (N. Dalal
    and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005). Volumes have
    the ten axes through the faces of an icosahedron for directions (A. Klaeser et al., "A
    spatio-temporal descriptor based on 3D-gradients", BMVC 2008).

    Returns:
        float32 (1764,) for an image, (2160,) for a volume; zeros for a constant scan.
    """
    oriented = scan.spatial_dims == 3 and scan.affine is not None
    recipe = Recipe(
        spatial_dims=2 if scan.spatial_dims == 2 else 3,
        spatial_size=(_EDGE[scan.spatial_dims],) * scan.spatial_dims,
        orientation="RAS" if oriented else None,
    )
    values = prepare(scan, recipe)[0].numpy().astype(np.float64)
    return torch.from_numpy(_blocks(_cells(values)).astype(np.float32))


def gradient_axes(spatial_dims: int) -> Floats:
    """(k, spatial_dims) unit vectors: the directions, each standing for its opposite too."""
    if spatial_dims == 2:
        angles = np.deg2rad(np.arange(0, 180, 20))
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    golden = (1 + 5**0.5) / 2
    corners = [(1.0, y, z) for y in (1.0, -1.0) for z in (1.0, -1.0)]
    sides = [(0.0, 1 / golden, sign * golden) for sign in (1, -1)]
    turned = [tuple(np.roll(side, turn)) for side in sides for turn in range(3)]
    axes: Floats = np.array(corners + turned) / 3**0.5
    return axes


def _cells(values: Floats) -> Floats:
    """(*cells, k) magnitudes by direction, of values (*size)."""
    dims = values.ndim
    axes = gradient_axes(dims)
    gradient = np.stack(tuple(np.gradient(values)), axis=-1)
    size = np.linalg.norm(gradient, axis=-1, keepdims=True)
    direction = np.divide(gradient, size, out=np.zeros_like(gradient), where=size > 1e-9)
    among = np.abs(axes @ axes.T)
    neighbour = float(np.max(among[among < 1 - 1e-9]))  # cosine between neighbouring axes
    shares = np.maximum(np.abs(direction @ axes.T) - neighbour, 0)
    total = shares.sum(axis=-1, keepdims=True)
    votes = size * np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    split = [n for edge in values.shape for n in (edge // _CELL, _CELL)]
    cells: Floats = votes.reshape(*split, -1).sum(axis=tuple(range(1, 2 * dims, 2)))
    return cells


def _blocks(cells: Floats) -> Floats:
    """Flat values of all overlapping blocks, each of unit length."""
    dims = cells.ndim - 1
    n = cells.shape[0] - _BLOCK + 1
    parts = [
        cells[tuple(slice(start, start + n) for start in corner)]
        for corner in itertools.product(range(_BLOCK), repeat=dims)
    ]
    blocks = np.concatenate(parts, axis=-1)
    for _ in range(2):
        length = np.linalg.norm(blocks, axis=-1, keepdims=True)
        blocks = np.divide(blocks, length, out=np.zeros_like(blocks), where=length > 1e-9)
        blocks = np.minimum(blocks, _LARGEST)
    length = np.linalg.norm(blocks, axis=-1, keepdims=True)
    unit: Floats = np.divide(blocks, length, out=np.zeros_like(blocks), where=length > 1e-9)
    return unit.ravel()
