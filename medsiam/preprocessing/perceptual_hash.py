"""A few hundred bits that tell the same picture again: saved as JPEG, brighter, or a bit smaller.

A perceptual hash (C. Zauner, "Implementation and benchmarking of perceptual image hash functions",
2010): of the grey picture brought to a coarse grid, the signs of its cosine waves. The coarsest
waves are left out; they say least about which picture of its kind it is, and most of what is to be
seen. What remains is no anonymisation: from the signs a faint sketch can be drawn (docs/bank.md).
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.scan import Scan

Floats = NDArray[np.float32]

_WAVES = {2: 16, 3: 8}  # along each axis, by spatial dimensions: 240 and 448 bits remain
_TOO_COARSE = 4  # waves of fewer half periods along every axis are left out
_BLANK = 1e-6  # of the largest value: less variation than that is rounding


def picture_hash(scan: Scan) -> str | None:
    """Return the hash of a scan's values, whatever its geometry; as hexadecimal digits.

    Returns:
        None for a scan of one value throughout, which is like every other one.
    """
    if scan not in _known:
        _known[scan] = _hash_of(scan)
    return _known[scan]


# A scan never changes; who reads ahead has its hash made while the encoder is busy.
_known: WeakKeyDictionary[Scan, str | None] = WeakKeyDictionary()


def _hash_of(scan: Scan) -> str | None:
    values = scan.array
    low, high = float(values.min()), float(values.max())
    if high - low <= _BLANK * max(abs(low), abs(high)):
        return None
    if values.ndim > scan.spatial_dims:  # colours weigh the same; no copy of a large picture
        values = values @ np.full(values.shape[-1], 1 / values.shape[-1], values.dtype)
    n_waves = _WAVES[scan.spatial_dims]
    for _ in range(scan.spatial_dims):  # the first axis goes, and comes back as the last one
        size, *rest = values.shape
        waves = _waves_of_means(size, n_waves) @ values.reshape(size, -1)
        values = np.moveaxis(waves.reshape(n_waves, *rest), 0, -1)
    finest = np.indices(values.shape).max(axis=0)
    return np.packbits(values[finest >= _TOO_COARSE] > 0).tobytes().hex()


def hash_signs(text: str | None, n_bits: int) -> Floats:
    """Return the bits of a hash as 1 and -1, or 0 throughout where there is none.

    Of two rows of signs, (1 - mean of the products) / 2 is the share of bits that differ; half
    where one has no hash, as with two pictures that have nothing to do with each other.

    Args:
        text: of `picture_hash`.
        n_bits: of it; a hash of another length counts as none.
    """
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(text or ""), np.uint8))
    if len(bits) != n_bits:
        return np.zeros(n_bits, np.float32)
    return 2 * bits.astype(np.float32) - 1


def _waves_of_means(size: int, n_waves: int) -> Floats:
    """(n_waves, size): means over 2 n_waves equal parts of an axis, then their cosine waves."""
    n_parts = 2 * n_waves
    edges = np.linspace(0, size, n_parts + 1)
    covered = np.minimum(edges[1:, None], np.arange(1, size + 1))
    covered -= np.maximum(edges[:-1, None], np.arange(size))
    means = np.clip(covered, 0, None) * n_parts / size
    # DCT-II (N. Ahmed et al. 1974), up to a factor: only signs count.
    phases = np.pi / n_parts * (np.arange(n_parts) + 0.5)
    waves = np.cos(np.arange(n_waves)[:, None] * phases) @ means
    return waves.astype(np.float32)
