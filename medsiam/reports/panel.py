"""One picture of a comparison: the query on the left, its nearest cases beside it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from textwrap import wrap

from PIL import Image, ImageDraw, ImageFont, ImageOps

from medsiam.comparison.digits import in_digits, probability_words
from medsiam.comparison.result import Comparison
from medsiam.reports.answer_words import headline
from medsiam.reports.pdf_films import Film
from medsiam.reports.pdf_text import BOLD, REGULAR, printable

_COLUMN, _GAP, _MARGIN = 256, 16, 20  # pixels
_FRAME = 256
_GROUND, _INK, _SOFT, _NEAR = (17, 19, 22), (236, 239, 241), (168, 176, 183), (98, 208, 188)
_TITLE, _TEXT, _SMALL = 26, 15, 12
_MOST_LINES = 3


def panel(comparison: Comparison, films: Sequence[Film]) -> Image.Image:
    """Draw the query and its matches side by side, each with its condition and distance.

    Args:
        comparison: the answer, nameless.
        films: of the query, then of matches from the first on, as `pdf_films.films` gives them.

    Returns:
        RGB.
    """
    n_frames = max((len(film.frames) for film in films), default=1) or 1
    width = 2 * _MARGIN + len(films) * (_COLUMN + _GAP) - _GAP
    width = max(width, 2 * _MARGIN + 3 * _COLUMN)
    top = _MARGIN + 120
    bottom = top + _MOST_LINES * 19 + 70 + n_frames * (_FRAME + 24)
    drawn = Image.new("RGB", (width, bottom + 66), _GROUND)
    canvas = ImageDraw.Draw(drawn)
    _head(canvas, comparison, width)
    for number, film in enumerate(films):
        left = _MARGIN + number * (_COLUMN + _GAP)
        _column(drawn, canvas, left, top, film, _said(comparison, number))
    _foot(canvas, comparison, width, bottom)
    return drawn


def _head(canvas: ImageDraw.ImageDraw, comparison: Comparison, width: int) -> None:
    y = _MARGIN
    canvas.text((_MARGIN, y), comparison.research_use, fill=_NEAR, font=_font(BOLD, _TEXT))
    title = _lines(headline(comparison), width - 2 * _MARGIN, _TITLE, 1)[0]
    canvas.text((_MARGIN, y + 24), title, fill=_INK, font=_font(BOLD, _TITLE))
    for line in _lines(comparison.verdict.text, width - 2 * _MARGIN, _TEXT, 2):
        canvas.text((_MARGIN, y + 62), line, fill=_SOFT, font=_font(REGULAR, _TEXT))
        y += 19


def _column(
    drawn: Image.Image,
    canvas: ImageDraw.ImageDraw,
    left: int,
    top: int,
    film: Film,
    said: Sequence[str],
) -> None:
    y = top
    for line in _lines(film.title, _COLUMN, _TEXT, _MOST_LINES):
        canvas.text((left, y), line, fill=_INK, font=_font(BOLD, _TEXT))
        y += 19
    y = top + _MOST_LINES * 19
    for text in said:
        shown = _lines(text, _COLUMN, _TEXT, 1)[0]
        canvas.text((left, y), shown, fill=_SOFT, font=_font(REGULAR, _TEXT))
        y += 19
    y = top + _MOST_LINES * 19 + 66
    if not film.frames:
        canvas.text((left, y), "no picture kept in the bank", fill=_SOFT, font=_font(REGULAR, 13))
    for png, caption in film.frames:
        with Image.open(io.BytesIO(png)) as opened:
            picture = ImageOps.contain(opened.convert("RGB"), (_COLUMN, _FRAME))
        drawn.paste(picture, (left + (_COLUMN - picture.width) // 2, y))
        shown = _lines(caption, _COLUMN, _SMALL, 1)[0]
        canvas.text((left, y + _FRAME + 3), shown, fill=_SOFT, font=_font(REGULAR, _SMALL))
        y += _FRAME + 24


def _said(comparison: Comparison, number: int) -> tuple[str, ...]:
    """Below the title of a column: 0 is the query, then the matches."""
    if number == 0:
        query = comparison.query
        return tuple(text for text in (query.name, query.modality, query.body_part) if text)
    match = comparison.matches[number - 1]
    distance = in_digits(*(one.distance for one in comparison.matches))[number - 1]
    probability = probability_words(match.probability)
    return (
        f"{comparison.metric} distance {distance}",
        f"case {match.case_id}",
        *((f"same condition: {probability}",) if probability else ()),
    )


def _foot(canvas: ImageDraw.ImageDraw, comparison: Comparison, width: int, bottom: int) -> None:
    limit = comparison.verdict.threshold_source
    facts = (
        f"Bank {comparison.bank_name}, version {comparison.bank_version}, {comparison.n_cases} "
        f"cases. Encoder {comparison.encoder_name} ({comparison.encoder_fingerprint[:12]}). "
        f"medsiam {comparison.medsiam_version}. Lower is closer. Limit: {limit}"
    )
    for number, line in enumerate(_lines(facts, width - 2 * _MARGIN, _SMALL, 3)):
        canvas.text((_MARGIN, bottom + 16 * number), line, fill=_SOFT, font=_font(REGULAR, _SMALL))


def _lines(text: str, width: int, size: int, most: int) -> list[str]:
    """Break a text to a width in pixels; what is too long ends in dots. At least one line."""
    per_line = max(8, int(width / (0.56 * size)))  # DejaVu Sans is about 0.56 em wide
    lines = wrap(printable(text), per_line, max_lines=most, placeholder=" ...")
    return lines or [""]


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"), size)
