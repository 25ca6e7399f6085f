"""Two scans seen alike: the same plane, linked slices, one window, and one scale where known."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from medsiam import Scan
from medsiam.reports import (
    Plane,
    axis_of,
    display_window,
    main_axis,
    percentile_window,
    plane_of,
    render_slice,
)

SAME_VALUES = "same values"
EACH_PERCENTILE = "1 to 99 % of each"
BY_HAND = "by hand"
# Usual centre and width in HU.
CT_WINDOWS = {
    "lung": (-600.0, 1500.0),
    "bone": (400.0, 1800.0),
    "brain": (40.0, 80.0),
    "soft tissue": (40.0, 400.0),
}
_STORED_AXES = {"third axis": 2, "second axis": 1, "first axis": 0}
_MOST_UNEQUAL = 2.5  # beyond it one picture would be too small to read at a common scale
_RULERS = (100, 50, 20, 10, 5, 2, 1)  # mm
_INK = (255, 214, 102)

Window = tuple[float, float]

_measured: WeakKeyDictionary[Scan, Window] = WeakKeyDictionary()


def plane_choices(query: Scan, match: Scan) -> dict[str, tuple[int, int]]:
    """Planes to look at, the best first: name -> stored axis of the query and of the match.

    Where one of the two does not know its orientation, both are shown along stored axes.
    """
    if query.spatial_dims == 2:
        return {"image": (2, 2)}
    choices = {}
    for axis in (2, 1, 0):
        name = plane_of(query, axis).name
        other = None if name == "as stored" else axis_of(match, name)
        if other is not None:
            choices[str(name)] = (axis, other)
    if len(choices) < len(_STORED_AXES):
        choices = {name: (axis, axis) for name, axis in _STORED_AXES.items()}
    best = main_axis(query)
    return dict(sorted(choices.items(), key=lambda item: item[1][0] != best))


def linked_position(position: int, n_query: int, n_match: int) -> int:
    """The match's slice at the same relative depth, both counted as shown and from 0."""
    if n_query <= 1:
        return (n_match - 1) // 2
    return round(position / (n_query - 1) * (n_match - 1))


def stored_index(position: int, plane: Plane, n_slices: int) -> int:
    """The stored slice at a position of the viewer, which runs from feet to head and so on."""
    return n_slices - 1 - position if plane.flip_slices else position


def window_choices(query: Scan, match: Scan) -> list[str]:
    """Ways to window both, the best first: HU mean the same everywhere, other greys do not."""
    if query.modality == match.modality == "CT":
        return [SAME_VALUES, *CT_WINDOWS, EACH_PERCENTILE, BY_HAND]
    return [EACH_PERCENTILE, SAME_VALUES, BY_HAND]


def windows_of(choice: str, query: Scan, match: Scan) -> tuple[Window, Window]:
    """(center, width) for the query and for the match."""
    if choice == EACH_PERCENTILE:
        return _percentiles(query), _percentiles(match)
    window = CT_WINDOWS.get(choice) or display_window(query)
    return window, window


def _percentiles(scan: Scan) -> Window:
    """Measured once per scan: it takes longer than drawing a slice."""
    if scan not in _measured:
        _measured[scan] = percentile_window(scan)
    return _measured[scan]


@dataclass(frozen=True)
class Picture:
    """One slice, ready to be framed.

    Attributes:
        pixels: (rows, cols) or (rows, cols, 3), square.
        mm: size of a pixel; None where unknown.
        letters: the patient's side at the left, right, top and bottom edge; None where unknown.
    """

    pixels: NDArray[np.uint8]
    mm: float | None
    letters: tuple[str, str, str, str] | None


def picture(scan: Scan, position: int, *, axis: int, window: Window) -> Picture:
    """Render the slice at a position of the viewer."""
    plane = plane_of(scan, axis)
    count = scan.spatial_shape[axis] if scan.spatial_dims == 3 else 1
    pixels = render_slice(scan, stored_index(position, plane, count), axis=axis, window=window)
    mm = None
    if scan.spacing is not None:  # the finer of the two is kept when pixels are made square
        mm = min(scan.spacing[plane.columns], scan.spacing[plane.rows])
    return Picture(pixels, mm, plane.letters)


def common_scale(pictures: Sequence[Picture], side: int) -> float | None:
    """Mm per screen pixel that fits all pictures into squares; None where it makes no sense."""
    extents = [max(one.pixels.shape[:2]) * one.mm for one in pictures if one.mm]
    if len(extents) < len(pictures) or max(extents) > _MOST_UNEQUAL * min(extents):
        return None
    return float(max(extents)) / side


def framed(shown: Picture, side: int, scale: float | None) -> Image.Image:
    """Draw a picture in the middle of a black square, with letters and a ruler where known.

    Args:
        shown: the slice.
        side: of the square, in pixels.
        scale: mm per pixel of the square; None: as large as it fits.

    Returns:
        RGB, (side, side).
    """
    rows, columns = shown.pixels.shape[:2]
    zoom = side / max(rows, columns) if scale is None or shown.mm is None else shown.mm / scale
    size = (min(side, max(1, round(columns * zoom))), min(side, max(1, round(rows * zoom))))
    # Few large pixels are shown as what they are; a smooth blur would invent detail.
    method = Image.Resampling.NEAREST if zoom > 4 else Image.Resampling.BICUBIC
    image = Image.fromarray(np.ascontiguousarray(shown.pixels)).convert("RGB").resize(size, method)
    canvas = Image.new("RGB", (side, side))
    canvas.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    draw = ImageDraw.Draw(canvas)
    if shown.letters is not None:
        _draw_letters(draw, side, shown.letters)
    if shown.mm is not None:
        _draw_ruler(draw, side, shown.mm / zoom)
    return canvas


def png(image: Image.Image) -> bytes:
    """Encode quickly: the picture travels no farther than this computer."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def _draw_letters(draw: ImageDraw.ImageDraw, side: int, letters: Sequence[str]) -> None:
    font = ImageFont.load_default(size=side / 24)
    near, far, middle = side // 40, side - side // 40, side // 2
    places = ((near, middle), (far, middle), (middle, near), (middle, far))
    for letter, place, anchor in zip(letters, places, ("lm", "rm", "ma", "md"), strict=True):
        draw.text(place, letter, fill=_INK, font=font, anchor=anchor, stroke_width=2, stroke_fill=0)


def _draw_ruler(draw: ImageDraw.ImageDraw, side: int, scale: float) -> None:
    mm = next((mm for mm in _RULERS if mm / scale <= side / 3), None)
    if mm is None:
        return
    margin, length = side // 40, round(mm / scale)
    left, bottom = side - margin - length, side - margin
    draw.line((left, bottom, left + length, bottom), fill=_INK, width=2)
    for x in (left, left + length):
        draw.line((x, bottom - side // 80, x, bottom), fill=_INK, width=2)
    font = ImageFont.load_default(size=side / 32)
    place = (left + length // 2, bottom - side // 60)
    draw.text(place, f"{mm} mm", fill=_INK, font=font, anchor="md", stroke_width=2, stroke_fill=0)
