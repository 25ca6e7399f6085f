"""A scan as a few small pictures that can be stepped through beside those of another scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from medsiam.reports.pictures import (
    display_window,
    encode_png,
    percentile_window,
    render_slice,
    slice_count,
)
from medsiam.reports.planes import PlaneName, axis_of, main_axis, plane_of
from medsiam.scans.scan import Scan

MOST_FRAMES = 7
_LONGEST_SIDE = 256


@dataclass(frozen=True)
class Filmstrip:
    """Pictures of one scan at evenly spread places.

    Attributes:
        frames: PNG files, in the order of `Plane.flip_slices`.
        places: which slice each frame is, as text.
        plane: what the frames show.
        letters: of the picture's left, right, top and bottom edge; None where unknown.
        window: (center, width) that all frames are shown with.
    """

    frames: tuple[bytes, ...]
    places: tuple[str, ...]
    plane: PlaneName
    letters: tuple[str, str, str, str] | None
    window: tuple[float, float]


def filmstrip(
    scan: Scan, *, n_frames: int, plane: PlaneName, window: tuple[float, float]
) -> Filmstrip:
    """Draw slices at the middle of `n_frames` equal parts of the scan.

    Two scans with the same number of frames can be stepped through together: the frames lie at
    the same fraction of each.

    Args:
        scan: image or volume.
        n_frames: of the volume; an image has one.
        plane: to show; the scan's `main_axis` where it has no known such plane.
        window: (center, width).
    """
    axis = axis_of(scan, plane)
    if axis is None:
        axis = main_axis(scan)
    shown = plane_of(scan, axis)
    count = slice_count(scan, axis)
    steps = [int((i + 0.5) / n_frames * count) for i in range(n_frames if count > 1 else 1)]
    order = [count - 1 - step if shown.flip_slices else step for step in steps]
    return Filmstrip(
        frames=tuple(
            encode_png(render_slice(scan, index, axis=axis, window=window), longest=_LONGEST_SIDE)
            for index in order
        ),
        places=tuple(f"slice {step + 1} of {count}" for step in steps) if count > 1 else ("",),
        plane=shown.name,
        letters=shown.letters,
        window=window,
    )


def frames_for(scans: Sequence[Scan]) -> int:
    """How many frames show all of these scans: seven, or as many as the deepest has slices."""
    return min(MOST_FRAMES, max(slice_count(scan, main_axis(scan)) for scan in scans))


def common_window(query: Scan, scan: Scan) -> tuple[float, float]:
    """The window to show `scan` with beside `query`, by one rule for both.

    CT values mean the same everywhere: the query's window for both. Other values do not: each
    scan from its own 1st to its 99th percentile.
    """
    if query.modality == "CT" and scan.modality == "CT":
        return display_window(query)
    return percentile_window(scan)
