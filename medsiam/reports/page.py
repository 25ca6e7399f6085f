"""A comparison as one self-contained HTML page: no script, no file beside it, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.bank.review import Review
from medsiam.comparison.result import Comparison
from medsiam.errors import BankError, ScanError
from medsiam.reports.answer_words import (
    BAR,
    BY_RULE,
    KINDS,
    ConditionLine,
    all_notes,
    condition_table,
    headline,
    query_facts,
    settings_facts,
)
from medsiam.reports.filmstrip import frames_for
from medsiam.reports.gallery import gallery, pick_rules, picks
from medsiam.reports.hidden_names import nameless
from medsiam.reports.map_pictures import map_pictures
from medsiam.reports.review_words import chain_words, review_lines
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import Case, ReferenceBank

# Even if a name slipped through unescaped, a browser would run and fetch nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_page(
    comparison: Comparison,
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    path: Path | str,
    *,
    maps: Mapping[str, Sequence[bytes]] | None = None,
    reviews: Sequence[Review] = (),
) -> None:
    """Write the page, whole or not at all. It names no file: files are named after patients.

    Args:
        comparison: of the query with the bank.
        query_scans: the query's scans in phase order, for the pictures.
        bank: for pictures and facts of the matches; a case whose scans are not kept is shown
            without pictures.
        path: of the HTML file.
        maps: case_id -> pictures (PNG) of where the similarity to this case comes from.
        reviews: what readers said; only those of this study are shown.

    Raises:
        OutputError: where the file cannot be written.
    """
    scans = (query_scans,) if isinstance(query_scans, Scan) else tuple(query_scans)
    html = page(comparison, scans, bank, maps=maps, reviews=reviews)
    write_atomically(path, html.encode("utf-8", "xmlcharrefreplace"))


def page(
    comparison: Comparison,
    query_scans: Sequence[Scan],
    bank: ReferenceBank,
    *,
    maps: Mapping[str, Sequence[bytes]] | None = None,
    reviews: Sequence[Review] = (),
) -> str:
    """The HTML of `write_page`."""
    comparison = nameless(comparison)
    cases = listed_cases(comparison, bank)
    n_frames = frames_for(query_scans)
    shown = gallery(
        comparison, query_scans, cases, kept_scans=lambda case_id: kept_scans(bank, case_id)
    )
    tone = comparison.verdict.outcome.replace(" ", "-")
    style = files("medsiam.reports").joinpath("page.css").read_text("utf-8")
    rule = escape(comparison.research_use)
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>medsiam: {escape(comparison.query.name)}</title>\n"
        f"<style>\n{style}{pick_rules(n_frames)}</style>\n</head>\n"
        f"<body class='{tone}'>\n<p class='rule'>medsiam comparison. {rule}</p>\n"
        f"{picks(n_frames)}<main>\n{_verdict(comparison)}{_query(comparison)}{_notes(comparison)}"
        f"{_conditions(comparison)}{shown}"
        f"{map_pictures(comparison, maps or {})}{_reviews(comparison, reviews)}"
        f"{_settings(comparison)}</main>\n<footer class='rule'>{rule}</footer>\n</body>\n</html>\n"
    )


def listed_cases(comparison: Comparison, bank: ReferenceBank) -> dict[str, Case]:
    """case_id -> what the version of the bank that was asked knows of each match."""
    snapshot = bank.snapshot()
    if snapshot.version != comparison.bank_version:
        snapshot = bank.snapshot(comparison.bank_version)
    listed = {match.case_id for match in comparison.matches}
    return {case.case_id: case for case in snapshot.cases if case.case_id in listed}


def kept_scans(bank: ReferenceBank, case_id: str) -> tuple[Scan, ...]:
    """The scans of a case; none where the bank has not kept them, or not intact."""
    try:
        return bank.scans(case_id)
    except (BankError, ScanError):
        return ()


def _verdict(comparison: Comparison) -> str:
    verdict = comparison.verdict
    return (
        f"<section class='verdict'><div class='kind'>{KINDS[verdict.outcome]}</div>"
        f"<h1>{escape(headline(comparison))}</h1><p>{escape(verdict.text)}</p></section>\n"
    )


def _query(comparison: Comparison) -> str:
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"
        for name, value in query_facts(comparison)
    )
    return f"<dl class='facts'>{items}</dl>\n"


def _notes(comparison: Comparison) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in all_notes(comparison))
    return f"<ul class='notes'>{items}</ul>\n" if items else ""


def _conditions(comparison: Comparison) -> str:
    table = condition_table(comparison)
    rows = "".join(_condition_row(line, table.limit) for line in table.lines)
    tick = "" if table.limit is None else "<span class='tick'></span>"
    legend = "".join(
        f"<p class='legend'>{tick if i == 0 else ''}{escape(text)}</p>\n"
        for i, text in enumerate(table.legend)
    )
    return (
        f"<h2>Conditions, ranked by {BY_RULE[comparison.rule]}</h2>\n<table><thead><tr><th></th>"
        f"<th>condition</th><th>{BAR[comparison.verdict.measure]} (shorter is closer)</th>"
        "<th class='number'></th><th class='number'>probability</th><th>nearest case</th>"
        "<th class='number'>among the nearest<br>patients</th>"
        "<th class='number'>distance to<br>prototype</th>"
        f"<th class='number'>patients<br>in bank</th></tr></thead>\n<tbody>{rows}</tbody></table>\n"
        f"{legend}"
    )


def _condition_row(line: ConditionLine, limit: float | None) -> str:
    tick = "" if limit is None else f"<div class='tick' style='left:{100 * limit:.2f}%'></div>"
    within = " class='within'" if line.within else ""
    return (
        f"<tr{within}><td class='soft'>{line.rank}</td>"
        f"<td class='name'>{escape(line.condition)}</td>"
        f"<td class='bar'><div class='track'><div class='fill' "
        f"style='width:{100 * line.share:.2f}%'></div>{tick}</div></td>"
        f"<td class='number'>{line.distance}</td>"
        f"<td class='number'>{escape(line.probability)}</td>"
        f"<td class='case'>{escape(line.nearest_case_id)}</td>"
        f"<td class='number'>{line.votes}</td>"
        f"<td class='number'>{line.prototype}</td>"
        f"<td class='number'>{line.n_patients}</td></tr>\n"
    )


def _reviews(comparison: Comparison, reviews: Sequence[Review]) -> str:
    lines = review_lines(comparison, reviews)
    if not lines:
        return ""
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(text)}</td>"
            for text in (one.number, one.time, one.reader, one.said, one.about, one.words)
        )
        + "</tr>\n"
        for one in lines
    )
    head = "".join(f"<th>{name}</th>" for name in ("", "when", "reader", "said", "about", "words"))
    return (
        f"<h2>What readers said</h2>\n<table><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{rows}</tbody></table>\n"
        f"<p class='legend'>{escape(chain_words(comparison, reviews))}</p>\n"
    )


def _settings(comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in settings_facts(comparison)
    )
    return f"<h2>How this was computed</h2>\n<table class='small'>{rows}</table>\n"
