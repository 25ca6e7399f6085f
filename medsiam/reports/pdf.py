"""A comparison as one A4 page of PDF: the same words and numbers as the HTML page."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.bank.review import Review
from medsiam.comparison.result import Comparison
from medsiam.reports import pdf_parts
from medsiam.reports.hidden_names import nameless
from medsiam.reports.page import kept_scans, listed_cases
from medsiam.reports.pdf_films import films
from medsiam.reports.pdf_text import paragraph, printable
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

_MARGIN = 34.0  # points: 12 mm
_RULE_HEIGHT = 14.0
_SCALES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5)


def write_pdf(
    comparison: Comparison,
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    path: Path | str,
    *,
    reviews: Sequence[Review] = (),
) -> None:
    """Write the page, whole or not at all. It names no file: files are named after patients.

    The text can be searched and copied. The same comparison gives the same bytes. What is too much
    for one page (conditions beyond the eighth, matches beyond the tenth) is counted there, and held
    by the other forms.

    Args:
        comparison: of the query with the bank.
        query_scans: the query's scans in phase order, for the pictures.
        bank: for pictures and facts of the matches.
        path: of the PDF file.
        reviews: what readers said; only those of this study are shown.

    Raises:
        OutputError: where the file cannot be written.
    """
    scans = (query_scans,) if isinstance(query_scans, Scan) else tuple(query_scans)
    write_atomically(path, pdf(comparison, scans, bank, reviews=reviews))


def pdf(
    comparison: Comparison,
    query_scans: Sequence[Scan],
    bank: ReferenceBank,
    *,
    reviews: Sequence[Review] = (),
) -> bytes:
    """The bytes of `write_pdf`."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas

    comparison = nameless(comparison)
    width, height = A4
    inside = width - 2 * _MARGIN, height - 2 * _MARGIN - 2 * _RULE_HEIGHT
    cases = listed_cases(comparison, bank)
    shown = films(comparison, query_scans, cases, lambda case_id: kept_scans(bank, case_id))

    def story(wide: float) -> list[Any]:
        return [
            *pdf_parts.verdict(comparison, wide),
            *pdf_parts.query(comparison, wide),
            *pdf_parts.notes(comparison),
            *pdf_parts.conditions(comparison, wide),
            *pdf_parts.pictures(shown, wide),
            *pdf_parts.matches(comparison, cases, wide),
            *pdf_parts.said(comparison, reviews, wide),
            *pdf_parts.settings(comparison, wide),
        ]

    buffer = io.BytesIO()
    # invariant: no time of writing, so that equal answers are equal files
    canvas = Canvas(buffer, pagesize=A4, invariant=1, lang="en")
    canvas.setTitle(printable(f"medsiam: {comparison.query.name}"))
    canvas.setAuthor(f"medsiam {comparison.medsiam_version}")
    canvas.setSubject(comparison.research_use)
    rule = f"medsiam comparison. {comparison.research_use}"
    for text, y in ((rule, height - _MARGIN - 10), (comparison.research_use, _MARGIN)):
        line = paragraph(text, 7.5, bold=True)
        line.wrap(inside[0], _RULE_HEIGHT)
        line.drawOn(canvas, _MARGIN, y)
    canvas.translate(_MARGIN, _MARGIN + _RULE_HEIGHT)
    _draw(story, canvas, *inside)
    canvas.save()
    return buffer.getvalue()


def _draw(story: Callable[[float], list[Any]], canvas: Any, width: float, height: float) -> None:
    """Draw as large as it fits: a smaller scale gives the lines more room, too."""
    from reportlab.platypus import Frame, KeepInFrame

    for scale in _SCALES:
        wide, high = width / scale, height / scale
        needed = sum(
            part.wrap(wide, high)[1] + part.getSpaceBefore() + part.getSpaceAfter()
            for part in story(wide)
        )
        if needed <= high:
            break
    canvas.scale(scale, scale)
    # Where even the smallest is too large, the frame shrinks it further.
    kept = KeepInFrame(wide, high, story(wide), mode="shrink")
    Frame(0, 0, wide, high, 0, 0, 0, 0).addFromList([kept], canvas)
