"""A similarity map over the scan it belongs to, as one picture with its legend."""

from __future__ import annotations

import io
import textwrap
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from medsiam.comparison.result import RESEARCH_USE
from medsiam.reports.pictures import render_slice, slice_count
from medsiam.reports.planes import main_axis
from medsiam.scans.scan import Scan

# Of the palette of M. Okabe and K. Ito, told apart with any kind of colour vision.
FOR = (230, 159, 0)
AGAINST = (0, 114, 178)
_OPAQUE = 0.7  # where the map is strongest
_MOST_SLICES = 3
_LONGEST_SIDE = 320
_MARGIN, _LINE, _FONT, _BAR = 12, 18, 13, 12


def overlay_png(scan: Scan, values: NDArray[np.floating], *, title: str, trust: str) -> bytes:
    """Draw the scan, below it the same with the map over it, and the legend.

    Of a volume, up to three slices: those with the most that speaks for the similarity, apart from
    each other, in their order.

    Args:
        scan: the map's scan.
        values: on its spatial grid, see `SimilarityMap`.
        title: what the picture shows; it must name no patient.
        trust: whether such maps were checked, see `PairedExplanation.trust`.

    Returns:
        PNG, with the research-use statement in the picture and in its description.
    """
    axis = main_axis(scan)
    strongest = float(np.abs(values).max())
    columns = []
    for index in strongest_slices(scan, values):
        plain = _rgb(render_slice(scan, index, axis=axis))
        shown = replace(scan, array=values.astype(np.float32), window=None)
        levels = render_slice(shown, index, axis=axis, window=(0.0, 2 * strongest or 1.0))
        marked = blend(plain, levels)
        label = f"slice {index + 1} of {slice_count(scan, axis)}" if scan.spatial_dims == 3 else ""
        columns.append((_sized(plain), _sized(marked), label))
    return _encoded(_page(columns, title=title, trust=trust))


def strongest_slices(scan: Scan, values: NDArray[np.floating]) -> list[int]:
    """Which slices across `main_axis` to show, in their order."""
    axis = main_axis(scan)
    count = slice_count(scan, axis)
    if count == 1:
        return [0]
    others = tuple(other for other in range(3) if other != axis)
    weights = np.clip(values, 0, None).sum(axis=others)
    apart, found = max(1, count // 8), list[int]()
    for index in np.argsort(-weights, kind="stable"):
        if len(found) < _MOST_SLICES and all(abs(int(index) - other) >= apart for other in found):
            found.append(int(index))
    return sorted(found)


def blend(plain: NDArray[np.uint8], levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay colour over a picture, the stronger the further a level is from the middle.

    Args:
        plain: (rows, cols, 3).
        levels: (rows, cols), 0 strongest against, 255 strongest for the similarity.
    """
    strength = levels.astype(np.float64) / 127.5 - 1
    strength[np.abs(strength) < 1 / 127] = 0  # 127.5 is between two levels
    colour = np.where((strength > 0)[..., None], FOR, AGAINST)
    cover = _OPAQUE * np.abs(strength)[..., None]
    mixed: NDArray[np.uint8] = np.rint((1 - cover) * plain + cover * colour).astype(np.uint8)
    return mixed


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def _sized(pixels: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    factor = _LONGEST_SIDE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BILINEAR)


def _page(
    columns: list[tuple[Image.Image, Image.Image, str]], *, title: str, trust: str
) -> Image.Image:
    font = ImageFont.load_default(_FONT)
    width = _MARGIN + sum(plain.width + _MARGIN for plain, _, _ in columns)
    width = max(width, _LONGEST_SIDE + 2 * _MARGIN)
    texts = ["orange speaks for the similarity, blue against it", trust, RESEARCH_USE]
    lines = [line for text in texts for line in textwrap.wrap(text, width // 7)]
    head = textwrap.wrap(title, width // 7)
    tall = max(plain.height for plain, _, _ in columns)
    top = _MARGIN + _LINE * len(head) + _LINE
    under = top + 2 * (tall + _MARGIN)
    height = under + _BAR + _MARGIN + _LINE * len(lines) + _MARGIN
    page = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(head):
        pen.text((_MARGIN, _MARGIN + number * _LINE), line, fill="black", font=font)
    left = _MARGIN
    for plain, marked, label in columns:
        pen.text((left, top - _LINE), label, fill="black", font=font)
        page.paste(plain, (left, top))
        page.paste(marked, (left, top + tall + _MARGIN))
        left += plain.width + _MARGIN
    page.paste(_bar(width - 2 * _MARGIN), (_MARGIN, under))
    for number, line in enumerate(lines):
        place = (_MARGIN, under + _BAR + _MARGIN + number * _LINE)
        pen.text(place, line, fill="black", font=font)
    return page


def _bar(width: int) -> Image.Image:
    """The colours from strongest against to strongest for, over middle grey."""
    levels = np.tile(np.linspace(0, 255, width).astype(np.uint8), (_BAR, 1))
    return Image.fromarray(blend(np.full((_BAR, width, 3), 128, np.uint8), levels))


def _encoded(page: Image.Image) -> bytes:
    facts = PngInfo()
    facts.add_text("Description", f"Similarity map by medsiam. {RESEARCH_USE}")
    buffer = io.BytesIO()
    page.save(buffer, format="PNG", pnginfo=facts)
    return buffer.getvalue()
