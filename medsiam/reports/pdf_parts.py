"""The parts of the PDF page, from top to bottom, as reportlab's flowables."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from medsiam.bank.case import Case
from medsiam.bank.review import Review
from medsiam.comparison.digits import decimals_for, probability_words
from medsiam.comparison.result import Comparison, Match
from medsiam.reports.answer_words import (
    BAR,
    BY_RULE,
    KINDS,
    Facts,
    all_notes,
    condition_table,
    headline,
    query_facts,
    settings_facts,
)
from medsiam.reports.pdf_films import MOST_PICTURED, Film
from medsiam.reports.pdf_text import paragraph
from medsiam.reports.review_words import chain_words, review_lines

Parts = list[Any]

_SOFT, _LINE, _BAR, _NEAR, _LIMIT = "#3c444b", "#c9d0d6", "#8a949e", "#13806f", "#a3670c"
_TONES = {
    "nearest": _NEAR,
    "none of these": _LIMIT,
    "out of scope": "#ab3a2a",
    "undecided": "#3d5fa3",
}
_MOST_CONDITIONS, _MOST_MATCHES, _MOST_REVIEWS = 8, 10, 6
_FILM_HEIGHT, _FRAME_HEIGHT = 222.0, 110.0  # points, at most
_SHORT = 48  # characters of a fact that fits into half the width
_BAR_WIDTH = 110.0


def verdict(comparison: Comparison, width: float) -> Parts:
    """The answer."""
    tone = _TONES[comparison.verdict.outcome]
    said = [
        paragraph(KINDS[comparison.verdict.outcome], 7.5, bold=True, colour=tone),
        paragraph(headline(comparison), 14, bold=True),
        paragraph(comparison.verdict.text, 8.5),
    ]
    return [_grid([[said]], [width], ("LINEBEFORE", (0, 0), (0, 0), 3, tone))]


def query(comparison: Comparison, width: float) -> Parts:
    """What is known of the query, four facts to a row."""
    facts = query_facts(comparison)
    cells = [[paragraph(n, 6, colour=_SOFT), paragraph(said, 7.5)] for n, said in facts]
    return [_grid([cells[:4], cells[4:]], [width / 4] * 4)]


def notes(comparison: Comparison) -> Parts:
    """What must be known besides."""
    return [paragraph(f"• {note}", 7, colour=_SOFT) for note in all_notes(comparison)]


def conditions(comparison: Comparison, width: float) -> Parts:
    """The ranked conditions."""
    table = condition_table(comparison)
    lines = [
        (
            line.rank,
            paragraph(line.condition, 7.5, bold=True),
            _bar(line.share, table.limit, within=line.within),
            line.distance,
            line.probability,
            line.nearest_case_id,
            line.votes,
            line.prototype,
            line.n_patients,
        )
        for line in table.lines[:_MOST_CONDITIONS]
    ]
    names = (
        *("", "condition", f"{BAR[comparison.verdict.measure]} (shorter is closer)", "distance"),
        *("probability", "nearest case", "votes", "to prototype", "patients"),
    )
    shares = (0.03, 0.2, 0.23, 0.1, 0.09, 0.14, 0.06, 0.08, 0.07)
    left_out = _left_out(len(table.lines), _MOST_CONDITIONS, "conditions, farther away,")
    return [
        _heading(f"Conditions, ranked by {BY_RULE[comparison.rule]}"),
        _table(names, lines, width, shares, numbers=(3, 4, 6, 7, 8)),
        *(paragraph(text, 6.5, colour=_SOFT) for text in (*table.legend, *left_out)),
    ]


def pictures(films: Sequence[Film], width: float) -> Parts:
    """The query beside its nearest cases, at the same fractions of their depth."""
    column = width / (1 + MOST_PICTURED)
    cells = [[paragraph(film.title, 7, bold=True), *_below(film, column)] for film in films]
    return [
        _heading("The query beside its nearest cases"),
        _grid([cells], [column] * len(cells)),
    ]


def matches(comparison: Comparison, cases: Mapping[str, Case], width: float) -> Parts:
    """The nearest patients."""
    digits = decimals_for([match.distance for match in comparison.matches])
    lines = [
        _match(match, cases.get(match.case_id), digits)
        for match in comparison.matches[:_MOST_MATCHES]
    ]
    names = ("", "nearest case", "condition", "distance", "same condition", "patient (hash)")
    shares = (0.03, 0.17, 0.2, 0.1, 0.12, 0.18, 0.13, 0.07)
    left_out = _left_out(len(comparison.matches), _MOST_MATCHES, "matches, farther away,")
    return [
        _heading(f"Nearest patients ({comparison.metric} distance, lower is closer)"),
        _table((*names, "proof", "more cases"), lines, width, shares, numbers=(3, 4, 7)),
        *(paragraph(text, 6.5, colour=_SOFT) for text in left_out),
    ]


def said(comparison: Comparison, reviews: Sequence[Review], width: float) -> Parts:
    """What readers said about the study; nothing where nobody did."""
    lines = review_lines(comparison, reviews)
    if not lines:
        return []
    shown = [
        (one.number, one.time, one.reader, one.said, one.about, one.words)
        for one in lines[-_MOST_REVIEWS:]
    ]
    names = ("", "when", "reader", "said", "about", "words")
    left_out = _left_out(len(lines), _MOST_REVIEWS, "earlier reviews")
    return [
        _heading("What readers said"),
        _table(names, shown, width, (0.04, 0.14, 0.14, 0.15, 0.26, 0.27)),
        *(
            paragraph(text, 6.5, colour=_SOFT)
            for text in (*left_out, chain_words(comparison, reviews))
        ),
    ]


def settings(comparison: Comparison, width: float) -> Parts:
    """How it was computed: short facts in two columns, long ones below, each hash on one line."""
    facts = settings_facts(comparison)
    short = tuple(fact for fact in facts if len(fact[1]) <= _SHORT)
    long = tuple(fact for fact in facts if len(fact[1]) > _SHORT)
    half = (len(short) + 1) // 2
    label = 0.15 * width
    columns = [_facts(part, label, width / 2) for part in (short[:half], short[half:])]
    return [
        _heading("How this was computed"),
        _grid([columns], [width / 2] * 2),
        *([_grid([[_facts(long, label, width)]], [width])] if long else []),
    ]


def _facts(facts: Facts, label: float, width: float) -> Any:
    rows = [(paragraph(n, 6, colour=_SOFT), paragraph(text, 6)) for n, text in facts]
    return _grid(rows, [label, width - label - 12])


def _match(match: Match, case: Case | None, digits: int) -> tuple[str, ...]:
    return (
        str(match.rank),
        match.case_id,
        match.condition,
        f"{match.distance:.{digits}f}",
        probability_words(match.probability),
        match.patient or "not named",
        case.proof if case else "",
        str(match.n_further_cases),
    )


def _below(film: Film, width: float) -> Parts:
    if not film.frames:
        return [paragraph("No pictures of this case are kept in the bank.", 6.5, colour=_SOFT)]
    height = min(_FRAME_HEIGHT, _FILM_HEIGHT / len(film.frames))
    return [
        part
        for png, caption in film.frames
        for part in (_picture(png, width, height), paragraph(caption, 5.5, colour=_SOFT))
    ]


def _picture(png: bytes, width: float, height: float) -> Any:
    from reportlab.platypus import Image

    picture = Image(io.BytesIO(png), hAlign="LEFT")
    scale = min((width - 10) / picture.imageWidth, height / picture.imageHeight)
    picture.drawWidth = picture.imageWidth * scale
    picture.drawHeight = picture.imageHeight * scale
    return picture


def _bar(share: float, limit: float | None, *, within: bool) -> Any:
    from reportlab.graphics.shapes import Drawing, Line, Rect
    from reportlab.lib.colors import HexColor

    drawing = Drawing(_BAR_WIDTH, 8)
    colour = HexColor(_NEAR if within else _BAR)
    drawing.add(Rect(0, 1, max(1.0, share * _BAR_WIDTH), 6, fillColor=colour, strokeColor=None))
    if limit is not None:
        x = limit * _BAR_WIDTH
        drawing.add(Line(x, -1, x, 9, strokeColor=HexColor(_LIMIT), strokeWidth=1.2))
    return drawing


def _heading(text: str) -> Any:
    from reportlab.platypus import Paragraph

    heading: Paragraph = paragraph(text, 9, bold=True)
    heading.spaceBefore = 5
    return heading


def _left_out(count: int, most: int, what: str) -> tuple[str, ...]:
    more = count - most
    return (f"{more} more {what} are in the other forms of this report.",) if more > 0 else ()


def _table(
    names: Sequence[str],
    lines: Iterable[Sequence[Any]],
    width: float,
    shares: Sequence[float],
    *,
    numbers: Sequence[int] = (),
) -> Any:
    head = [paragraph(name, 6, colour=_SOFT, right=i in numbers) for i, name in enumerate(names)]
    rows = [
        [
            paragraph(cell, 7, right=i in numbers) if isinstance(cell, str) else cell
            for i, cell in enumerate(line)
        ]
        for line in lines
    ]
    rules = ("LINEBELOW", (0, 0), (-1, -1), 0.3, _LINE)
    return _grid([head, *rows], [width * share for share in shares], rules)


def _grid(rows: Sequence[Sequence[Any]], widths: Sequence[float], *rules: tuple[Any, ...]) -> Any:
    from reportlab.platypus import Table

    close = (
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 1.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1.2),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
    )
    return Table(
        [list(row) for row in rows], colWidths=widths, style=[*close, *rules], hAlign="LEFT"
    )
