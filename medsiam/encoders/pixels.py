"""The baseline that every table shows beside an encoder: small grey images, nothing learned."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.errors import EncoderMismatchError
from medsiam.preprocessing.recipe import Recipe
from medsiam.preprocessing.transform import prepare
from medsiam.scans.scan import Scan

_EDGE = {2: 32, 3: 16}


def pixel_embeddings(scans: Iterable[Scan]) -> NDArray[np.float32]:
    """Return each scan's `pixel_vector`, in their order; sizes may differ.

    Returns:
        (n, 1024) for images, (n, 4096) for volumes, (0, 0) for none.

    Raises:
        EncoderMismatchError: images and volumes mixed.
        ScanError: a scan that cannot be prepared.
    """
    vectors = [pixel_vector(scan).numpy() for scan in scans]
    if len({len(vector) for vector in vectors}) > 1:
        raise EncoderMismatchError("pixels of 2D images and of 3D volumes cannot be compared")
    return np.stack(vectors) if vectors else np.empty((0, 0), np.float32)


def pixel_vector(scan: Scan) -> torch.Tensor:
    """Shrink the whole scan to 32 x 32 or 16 x 16 x 16 grey values, z-scored and flattened.

    A volume with known orientation is turned to RAS first, so that the baseline does not
    fail on storage order alone. A constant scan gives zeros.

    Returns:
        float32 (1024,) or (4096,).
    """
    oriented = scan.spatial_dims == 3 and scan.affine is not None
    recipe = Recipe(
        spatial_dims=2 if scan.spatial_dims == 2 else 3,
        spatial_size=(_EDGE[scan.spatial_dims],) * scan.spatial_dims,
        orientation="RAS" if oriented else None,
        intensity="zscore",
    )
    pixels = prepare(scan, recipe).flatten().double()
    spread = pixels.std(correction=0)
    if spread < 1e-6:  # of the z-scored scan: nothing is left at this size
        return torch.zeros(len(pixels))
    return ((pixels - pixels.mean()) / spread).float()
