"""Slices of a scan as pictures: turned for the viewer, windowed, in true proportions."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medsiam.errors import UsageError
from medsiam.reports.planes import plane_of
from medsiam.scans.scan import Scan

_PERCENTILES = (1.0, 99.0)
_ENOUGH_VALUES = 1_000_000  # for a percentile; larger scans are sampled evenly
_UNEVEN = 0.01  # spacings that differ by less count as equal
_LONGEST_SIDE = 4096


def render_slice(
    scan: Scan, index: int, *, axis: int = 2, window: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """One slice as it belongs on the screen: rows downwards, see `plane_of` for the sides.

    Where spacing is known and uneven, the picture is enlarged along the coarser side (linearly),
    so that its pixels are square. Grey values follow DICOM PS3.3 C.11.2.1.3.2 (LINEAR_EXACT):
    center - width / 2 is black and center + width / 2 white.

    Args:
        scan: image or volume; an image has the one slice 0 across axis 2.
        index: slice along the stored axis, from 0.
        axis: stored axis that the slice lies across.
        window: (center, width) in the scan's units; by default `display_window(scan)`.

    Returns:
        uint8, (rows, cols) or, where colour, (rows, cols, 3).

    Raises:
        UsageError: for a slice that the scan does not have, or a width that is not positive.
    """
    count = slice_count(scan, axis)
    if not 0 <= index < count:
        raise UsageError(f"slice {index} of axis {axis}: there are slices 0 to {count - 1}")
    plane = plane_of(scan, axis)
    values = scan.array if scan.spatial_dims == 2 else np.take(scan.array, index, axis=axis)
    if plane.columns < plane.rows:
        values = np.swapaxes(values, 0, 1)
    if plane.flip_rows:
        values = values[::-1]
    if plane.flip_columns:
        values = values[:, ::-1]
    pixels = apply_window(values, window or display_window(scan))
    if scan.spacing is None:
        return pixels
    return _square(pixels, scan.spacing[plane.rows], scan.spacing[plane.columns])


def slice_count(scan: Scan, axis: int = 2) -> int:
    """Number of slices across a stored axis.

    Raises:
        UsageError: for an axis that the scan does not have.
    """
    if scan.spatial_dims == 2 and axis == 2:
        return 1
    if scan.spatial_dims == 3 and axis in (0, 1, 2):
        return scan.spatial_shape[axis]
    raise UsageError(f"a {scan.spatial_dims}D scan has no slices across axis {axis}")


def display_window(scan: Scan) -> tuple[float, float]:
    """(center, width) to show a scan with: its own window, else `percentile_window`."""
    if scan.window is not None and scan.window[1] > 0 and np.isfinite(scan.window).all():
        return scan.window
    return percentile_window(scan)


def percentile_window(scan: Scan) -> tuple[float, float]:
    """(center, width) from the 1st to the 99th percentile; colour from 0 to full brightness."""
    values = scan.array.reshape(-1)
    values = values[:: max(1, values.size // _ENOUGH_VALUES)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return 0.0, 1.0
    if scan.n_channels > 1:
        low, high = 0.0, max(255.0, float(values.max()))
    else:
        low, high = (float(value) for value in np.percentile(values, _PERCENTILES))
        if high <= low:
            low, high = float(values.min()), float(values.max())
    width = high - low
    return (low + high) / 2, width if width > 0 else 1.0


def apply_window(values: NDArray[np.floating], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Map values to 0 ... 255; what is not a number becomes black.

    Raises:
        UsageError: for a width that is not positive.
    """
    center, width = window
    if not width > 0:
        raise UsageError(f"a display window needs a positive width, got {width}")
    levels = (values.astype(np.float64) - (center - width / 2)) * (255 / width)
    pixels: NDArray[np.uint8] = np.rint(np.nan_to_num(levels).clip(0, 255)).astype(np.uint8)
    return pixels


def encode_png(pixels: NDArray[np.uint8], *, longest: int | None = None) -> bytes:
    """Encode a picture, made smaller where a side is longer than `longest` pixels.

    Args:
        pixels: (rows, cols) or (rows, cols, 3).
        longest: of both sides; None: as it is.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if longest is not None:
        picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _square(pixels: NDArray[np.uint8], row_mm: float, column_mm: float) -> NDArray[np.uint8]:
    """Enlarge along the coarser side until pixels are square."""
    rows, columns = pixels.shape[:2]
    if not (row_mm > 0 and column_mm > 0) or abs(row_mm / column_mm - 1) < _UNEVEN:
        return pixels
    if row_mm > column_mm:
        rows = min(_LONGEST_SIDE, max(rows, round(rows * row_mm / column_mm)))
    else:
        columns = min(_LONGEST_SIDE, max(columns, round(columns * column_mm / row_mm)))
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((columns, rows), Image.Resampling.BILINEAR))
