"""A comparison as one A4 page of PDF: the same words and numbers as the HTML page."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.bank.review import Review
from medsiam.comparison.result import Comparison
from medsiam.reports import pdf_parts
from medsiam.reports.nameless import nameless
from medsiam.reports.page import kept_scans, listed_cases
from medsiam.reports.pdf_text import paragraph, printable
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

_MARGIN = 34.0  # points: 12 mm
_RULE_HEIGHT = 14.0


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
    from reportlab.platypus import Frame, KeepInFrame

    comparison = nameless(comparison)
    width, height = A4
    inside = width - 2 * _MARGIN, height - 2 * _MARGIN - 2 * _RULE_HEIGHT
    cases = listed_cases(comparison, bank)
    story = [
        *pdf_parts.verdict(comparison, inside[0]),
        *pdf_parts.query(comparison, inside[0]),
        *pdf_parts.notes(comparison, inside[0]),
        *pdf_parts.conditions(comparison, inside[0]),
        *pdf_parts.pictures(
            comparison, query_scans, cases, lambda case_id: kept_scans(bank, case_id), inside[0]
        ),
        *pdf_parts.matches(comparison, cases, inside[0]),
        *pdf_parts.said(comparison, reviews, inside[0]),
        *pdf_parts.settings(comparison, inside[0]),
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
    frame = Frame(_MARGIN, _MARGIN + _RULE_HEIGHT, *inside, 0, 0, 0, 0)
    frame.addFromList([KeepInFrame(*inside, story, mode="shrink")], canvas)
    canvas.save()
    return buffer.getvalue()
