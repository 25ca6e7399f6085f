"""Text for PDF pages: a font for many scripts, and what happens where it lacks a character."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

REGULAR, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_LONGEST = 320  # characters of one text on the page


@cache
def font(name: str) -> Any:
    """Register one of the fonts that come with matplotlib, and return it (a reportlab `TTFont`).

    It is embedded as a subset with a map back to Unicode, so that the page can be searched.
    """
    import matplotlib
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    registered = TTFont(name, Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"))
    registerFont(registered)
    return registered


@cache
def style(size: float, *, bold: bool = False, colour: str = "#111111", right: bool = False) -> Any:
    """Return a reportlab `ParagraphStyle`."""
    from reportlab.lib.styles import ParagraphStyle

    name = BOLD if bold else REGULAR
    font(name)
    return ParagraphStyle(
        f"{name} {size} {colour} {right}",
        fontName=name,
        fontSize=size,
        leading=1.3 * size,
        textColor=colour,
        alignment=2 if right else 0,
    )


def paragraph(text: str, size: float, **looks: Any) -> Any:
    """Return a text, whatever it holds, as a reportlab `Paragraph`; see `style` for the looks."""
    from reportlab.platypus import Paragraph

    return Paragraph(escape(printable(shortened(text))), style(size, **looks))


def shortened(text: str) -> str:
    """Cut what is too long for one page; other forms hold all of it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rstrip()} ..."


def printable(text: str) -> str:
    r"""Return the text in characters that the font has.

    A character that it lacks is written by its number, as in `\u30ea`: two names never look
    alike, and nothing is left out. Arabic and Hebrew are set from right to left, letters not
    joined.
    """
    glyphs = font(REGULAR).face.charToGlyph
    words = " ".join(text.split())
    known = (
        "" if unicodedata.category(c) in {"Cc", "Cf"} else c if ord(c) in glyphs else _number(c)
        for c in words
    )
    return _RIGHT_TO_LEFT.sub(lambda found: found[0][::-1], "".join(known))


def _number(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


# Hebrew to Arabic Extended-A, and the presentation forms; between two of them also spaces.
_RTL = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
_RIGHT_TO_LEFT = re.compile(rf"[{_RTL}]+(?: +[{_RTL}]+)*")
