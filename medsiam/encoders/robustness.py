"""Scans changed in small, named ways that should not change what they are most like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from monai.transforms.spatial.array import Affine
from numpy.typing import NDArray
from torch.nn import functional

from medsiam.cases import CaseRow
from medsiam.encoders.encoder import Encoder
from medsiam.errors import ScanError
from medsiam.scans.read import read_scan
from medsiam.scans.scan import Scan

Change = Callable[[Scan, np.random.Generator], Scan]

UNCHANGED = "unchanged"
_ANGLE, _SHIFT, _ZOOM, _GAMMA, _NOISE = 10.0, 0.05, 1.1, 1.4, 0.05


@dataclass(frozen=True, eq=False)
class PerturbedEmbeddings:
    """Embeddings of changed scans.

    Attributes:
        paths: (n,) of the rows.
        embeddings: change -> (n, d); `UNCHANGED` first.
    """

    paths: tuple[str, ...]
    embeddings: dict[str, NDArray[np.float32]]


def embed_perturbed(
    rows: Sequence[CaseRow],
    encoder: Encoder,
    *,
    random_state: int,
    advance: Callable[[], None] | None = None,
) -> PerturbedEmbeddings:
    """Embed each row as it is and after each of `PERTURBATIONS`; the same seed, the same changes.

    Args:
        rows: of the case table.
        encoder: whose ranks are looked at.
        random_state: seed of directions and noise.
        advance: called once per embedded scan.

    Raises:
        ScanError: a scan that cannot be read.
    """
    found: dict[str, list[NDArray[np.float32]]] = {UNCHANGED: [], **{n: [] for n in PERTURBATIONS}}
    for place, row in enumerate(rows):
        scan = read_scan(row.path)
        versions = [scan]
        for number, change in enumerate(PERTURBATIONS.values()):
            versions.append(change(scan, np.random.default_rng([random_state, place, number])))
        for name, vector in zip(found, encoder.embed(versions), strict=True):
            found[name].append(vector)
            if advance is not None:
                advance()
    if not rows:
        raise ScanError("empty", "there is no scan to perturb")
    return PerturbedEmbeddings(
        tuple(row.path_text for row in rows),
        {name: np.stack(vectors) for name, vectors in found.items()},
    )


def rotated(scan: Scan, rng: np.random.Generator) -> Scan:
    """Turned by 10 degrees in the plane of the first two axes, either way."""
    angle = np.deg2rad(_ANGLE) * rng.choice((-1, 1))
    return _moved(scan, rotate_params=angle if scan.spatial_dims == 2 else (0.0, 0.0, angle))


def shifted(scan: Scan, rng: np.random.Generator) -> Scan:
    """Moved by 5 % of its size along the first two axes, any way."""
    signs = rng.choice((-1, 1), size=2)
    moves = [_SHIFT * n * s for n, s in zip(scan.spatial_shape, signs, strict=False)]
    return _moved(scan, translate_params=[*moves, *[0.0] * (scan.spatial_dims - 2)])


def zoomed(scan: Scan, rng: np.random.Generator) -> Scan:
    """Shown a tenth larger along the first two axes."""
    factors = [1 / _ZOOM, 1 / _ZOOM, *[1.0] * (scan.spatial_dims - 2)]
    return _moved(scan, scale_params=factors)


def darkened(scan: Scan, rng: np.random.Generator) -> Scan:
    """Gamma of 1.4 between the lowest and the highest value."""
    low, high = float(scan.array.min()), float(scan.array.max())
    if high <= low:
        return scan
    values = (scan.array - low) / (high - low)
    return replace(scan, array=np.float32(low) + np.float32(high - low) * values**_GAMMA)


def noisy(scan: Scan, rng: np.random.Generator) -> Scan:
    """Gaussian noise with 5 % of the range from the 1st to the 99th percentile."""
    low, high = np.percentile(scan.array, [1, 99])
    noise = rng.standard_normal(scan.array.shape).astype(np.float32)
    return replace(scan, array=scan.array + np.float32(_NOISE * (high - low)) * noise)


def coarse(scan: Scan, rng: np.random.Generator) -> Scan:
    """Shrunk to half along the first two axes and enlarged again."""
    image = torch.from_numpy(_channels_first(scan))[None]
    size = image.shape[2:]
    half = [max(1, n // 2) for n in size[:2]] + list(size[2:])
    mode = "bilinear" if scan.spatial_dims == 2 else "trilinear"
    small = functional.interpolate(image, size=half, mode=mode, antialias=scan.spatial_dims == 2)
    large = functional.interpolate(small, size=list(size), mode=mode)
    return _with_values(scan, large[0].numpy())


PERTURBATIONS: dict[str, Change] = {
    "rotated by 10 degrees": rotated,
    "shifted by 5 %": shifted,
    "zoomed by 10 %": zoomed,
    "gamma 1.4": darkened,
    "noise of 5 %": noisy,
    "half the resolution": coarse,
}


def _moved(scan: Scan, **affine: object) -> Scan:
    """Resampled with the border repeated outside."""
    transform = Affine(**affine, padding_mode="border", image_only=True)  # type: ignore[arg-type]
    moved = transform(torch.from_numpy(_channels_first(scan)))
    return _with_values(scan, np.asarray(moved, dtype=np.float32))


def _channels_first(scan: Scan) -> NDArray[np.float32]:
    has_channels = scan.array.ndim > scan.spatial_dims
    array = np.moveaxis(scan.array, -1, 0) if has_channels else scan.array[None]
    return np.array(array)


def _with_values(scan: Scan, values: NDArray[np.float32]) -> Scan:
    has_channels = scan.array.ndim > scan.spatial_dims
    array = np.moveaxis(values, 0, -1) if has_channels else values[0]
    return replace(scan, array=np.ascontiguousarray(array, dtype=np.float32))
