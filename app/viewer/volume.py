"""A scan as the browser draws it: whole numbers of 16 bits, and all that may be said beside them.

Voxels travel in the order x fastest, then y, then z (the stored axes of `Scan.array`), little
endian; colours as red, green, blue of 8 bits each. A grey's value is stored * slope + intercept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from medsiam import Scan
from medsiam.reports import display_window, main_axis, percentile_window, plane_of

# Usual centre and width in HU.
CT_WINDOWS = {
    "lung": (-600.0, 1500.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
    "soft tissue": (40.0, 400.0),
}
_LOWEST, _HIGHEST = -32768, 32767
# A window of 1/514 of the 16-bit range still shows every grey within one level; what reaches
# farther than this many display windows would cost that, and is black or white in any case.
_MOST_WINDOWS = 60.0
_SLAB = 1 << 24  # values that are converted at a time

_known: WeakKeyDictionary[Scan, Volume] = WeakKeyDictionary()


@dataclass(frozen=True)
class Volume:
    """What is said of the voxels, and how a scan's values become them.

    Attributes:
        shape: voxels along x, y, z; an image has one along z.
        channels: 1 for grey, 3 for colour.
        slope, intercept: value = stored * slope + intercept.
        cut: True where values beyond the range were set to its ends.
        low, high: the smallest and the largest value drawn.
        window: (center, width) to begin with.
        percentiles: (center, width) from the 1st to the 99th percentile.
    """

    shape: tuple[int, int, int]
    channels: int
    slope: float
    intercept: float
    cut: bool
    low: float
    high: float
    window: tuple[float, float]
    percentiles: tuple[float, float]


def volume_of(scan: Scan) -> Volume:
    """Measure a scan, once for as long as it lives."""
    if scan not in _known:
        _known[scan] = _measured(scan)
    return _known[scan]


def _measured(scan: Scan) -> Volume:
    x, y, z = (*scan.spatial_shape, 1)[:3]
    shape = (x, y, z)
    window, percentiles = display_window(scan), percentile_window(scan)
    low, high = float(np.nanmin(scan.array)), float(np.nanmax(scan.array))
    if scan.n_channels > 1:
        slope = max(255.0, high) / 255
        return Volume(shape, 3, slope, 0.0, low < 0, low, high, window, percentiles)
    whole = high - low <= _HIGHEST - _LOWEST and bool((scan.array == np.rint(scan.array)).all())
    if whole:
        fits = low >= _LOWEST and high <= _HIGHEST
        intercept = 0.0 if fits else low - _LOWEST
        return Volume(shape, 1, 1.0, intercept, False, low, high, window, percentiles)
    center, reach = percentiles[0], _MOST_WINDOWS / 2 * min(percentiles[1], window[1])
    ends = max(low, min(center, window[0]) - reach), min(high, max(center, window[0]) + reach)
    slope = (ends[1] - ends[0]) / (_HIGHEST - _LOWEST) or 1.0
    intercept = ends[0] - slope * _LOWEST
    return Volume(shape, 1, slope, intercept, ends != (low, high), *ends, window, percentiles)


def voxel_bytes(scan: Scan) -> bytes:
    """The voxels, in the order of this module."""
    volume = volume_of(scan)
    ends, kind = (
        ((0, 255), np.dtype("u1")) if volume.channels == 3 else ((_LOWEST, _HIGHEST), "<i2")
    )
    values = scan.array.reshape(*volume.shape, -1)[..., : volume.channels]
    deep = volume.shape[0] * volume.shape[1] * volume.channels
    step = max(1, _SLAB // deep)
    parts = []
    for z in range(0, volume.shape[2], step):
        slab = (np.float64(1) * values[:, :, z : z + step] - volume.intercept) / volume.slope
        stored = np.rint(np.nan_to_num(slab)).clip(*ends).astype(kind)
        parts.append(stored.transpose(2, 1, 0, 3).tobytes())
    return b"".join(parts)


def map_bytes(values: NDArray[np.floating[Any]]) -> bytes:
    """A signed map on a scan's grid as whole numbers from -127 to 127, strongest first of all."""
    strongest = float(np.abs(values).max()) or 1.0
    stored = np.rint(np.asarray(values, np.float64) * (127 / strongest)).astype("i1")
    return stored.reshape((*values.shape, 1)[:3]).transpose(2, 1, 0).tobytes()


def document(scan: Scan) -> dict[str, Any]:
    """What the browser is told, as JSON can say it; nothing of the patient."""
    volume = volume_of(scan)
    axes = (0, 1, 2) if scan.spatial_dims == 3 else (2,)
    table = scan.voi_table
    return {
        "shape": volume.shape,
        "dims": scan.spatial_dims,
        "channels": volume.channels,
        "slope": volume.slope,
        "intercept": volume.intercept,
        "cut": volume.cut,
        "range": (volume.low, volume.high),
        "unit": "HU" if scan.modality == "CT" else "",
        "spacing": _spacing(scan),
        "affine": None if scan.affine is None else scan.affine.tolist(),
        "planes": [_plane(scan, axis) for axis in axes],
        "main_axis": main_axis(scan),
        "window": volume.window,
        "percentiles": volume.percentiles,
        "presets": _presets(scan),
        "function": scan.voi_function if scan.window is not None else "LINEAR_EXACT",
        "inverted": scan.photometric == "MONOCHROME1",
        "table": None
        if table is None
        else {"name": table.name, "first": table.first, "levels": table.levels},
    }


def _spacing(scan: Scan) -> tuple[float, ...] | None:
    if scan.spacing is None or not all(mm > 0 for mm in scan.spacing):
        return None
    return (*scan.spacing, 1.0)[:3]


def _plane(scan: Scan, axis: int) -> dict[str, Any]:
    plane = plane_of(scan, axis)
    return {
        "name": plane.name,
        "axis": plane.axis,
        "columns": plane.columns,
        "rows": plane.rows,
        "flip_columns": plane.flip_columns,
        "flip_rows": plane.flip_rows,
        "flip_slices": plane.flip_slices,
        "letters": plane.letters,
    }


def _presets(scan: Scan) -> list[tuple[str, float, float]]:
    """(name, center, width): the file's own, then those that its modality is read with."""
    own = [
        (name or (f"file {number}" if len(scan.presets) > 1 else "file"), center, width)
        for number, (name, center, width) in enumerate(scan.presets, start=1)
    ]
    if not own and scan.window is not None:
        own = [("file", *scan.window)]
    usual = CT_WINDOWS if scan.modality == "CT" else {}
    return [*own, *((name, *window) for name, window in usual.items())]
