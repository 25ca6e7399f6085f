"""A small picture of a scan, to know it again among many."""

from __future__ import annotations

from medsiam.reports.pictures import (
    display_window,
    encode_png,
    percentile_window,
    render_slice,
    slice_count,
)
from medsiam.reports.planes import main_axis
from medsiam.scans.scan import Scan


def thumbnail_png(scan: Scan, *, longest: int = 192, fraction: float = 0.5) -> bytes:
    """Return one slice of a scan as PNG, the middle one where no other is asked for.

    CT and colour are shown in their own window, all else from its 1st to its 99th percentile.

    Args:
        scan: image or volume; of a volume a slice across its main axis.
        longest: of both sides, in pixels.
        fraction: of the way through the slices as stored, 0 to 1.
    """
    axis = main_axis(scan)
    index = min(int(slice_count(scan, axis) * fraction), slice_count(scan, axis) - 1)
    window = display_window(scan) if scan.modality == "CT" else percentile_window(scan)
    return encode_png(render_slice(scan, index, axis=axis, window=window), longest=longest)
