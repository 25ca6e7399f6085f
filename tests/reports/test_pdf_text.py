from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from medsiam.reports.pdf_text import paragraph, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Łódź, Ménière", "Łódź, Ménière"),
        ("лимфангио λέμφωμα", "лимфангио λέμφωμα"),
        ("リ", r"\u30ea"),
        ("\U0001fac1 lung", r"\U0001fac1 lung"),
        ("half \ud83e", r"half \ud83e"),
        ("a\x00b\u202ec\nd\te", "abc d e"),
        ("\u05d0\u05d1 x \u05d2", "\u05d1\u05d0 x \u05d2"),
        ("\u0627\u0628 \u0627\u062a (9)", "\u062a\u0627 \u0628\u0627 (9)"),
    ],
)
def test_what_the_font_lacks_is_written_by_number(text, shown):
    assert printable(text) == shown


def drawn(*texts: str) -> str:
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for i, text in enumerate(texts):
        part = paragraph(text, 9)
        part.wrap(500, 50)
        part.drawOn(canvas, 20, 700 - 50 * i)
    canvas.save()
    return PdfReader(io.BytesIO(buffer.getvalue())).pages[0].extract_text()


def test_text_of_any_kind_is_found_again():
    texts = ("<b>no & markup</b> <img src='x'/>", "Łódź лимфангио", "100 % < 5")
    for text in texts:
        assert text in drawn(*texts)
    assert "\u0627\u0628 \u0627\u062a" in drawn("\u0627\u0628 \u0627\u062a")


def test_what_is_too_long_is_cut_and_says_so():
    assert shortened("x" * 320) == "x" * 320
    assert shortened("x" * 321) == "x" * 320 + " ..."
