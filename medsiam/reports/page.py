"""A comparison as one self-contained HTML page: no script, no file beside it, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.comparison.digits import decimals_for, probability_words
from medsiam.comparison.result import Comparison, ConditionRank
from medsiam.errors import BankError, ScanError
from medsiam.reports.filmstrip import frames_for
from medsiam.reports.gallery import gallery, pick_rules, picks
from medsiam.reports.map_pictures import map_pictures
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

# Even if a name slipped through unescaped, a browser would run and fetch nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_KINDS = {
    "nearest": "Nearest condition",
    "none of these": "No sufficiently similar case in this bank",
    "out of scope": "Not the kind of scan this bank holds",
    "undecided": "Too little to decide",
}


def write_page(
    comparison: Comparison,
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    path: Path | str,
    *,
    maps: Mapping[str, Sequence[bytes]] | None = None,
) -> None:
    """Write the page, whole or not at all.

    Args:
        comparison: of the query with the bank.
        query_scans: the query's scans in phase order, for the pictures.
        bank: for pictures and facts of the matches; a case whose scans are not kept is shown
            without pictures.
        path: of the HTML file.
        maps: case_id -> pictures (PNG) of where the similarity to this case comes from.

    Raises:
        OutputError: where the file cannot be written.
    """
    scans = (query_scans,) if isinstance(query_scans, Scan) else tuple(query_scans)
    html = page(comparison, scans, bank, maps=maps)
    write_atomically(path, html.encode("utf-8", "xmlcharrefreplace"))


def page(
    comparison: Comparison,
    query_scans: Sequence[Scan],
    bank: ReferenceBank,
    *,
    maps: Mapping[str, Sequence[bytes]] | None = None,
) -> str:
    """The HTML of `write_page`."""
    snapshot = bank.snapshot()
    if snapshot.version != comparison.bank_version:
        snapshot = bank.snapshot(comparison.bank_version)
    listed = {match.case_id for match in comparison.matches}
    cases = {case.case_id: case for case in snapshot.cases if case.case_id in listed}
    n_frames = frames_for(query_scans)
    shown = gallery(
        comparison, query_scans, cases, kept_scans=lambda case_id: _kept_scans(bank, case_id)
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
        f"{map_pictures(comparison, maps or {})}"
        f"{_settings(comparison)}</main>\n<footer class='rule'>{rule}</footer>\n</body>\n</html>\n"
    )


def _kept_scans(bank: ReferenceBank, case_id: str) -> tuple[Scan, ...]:
    """The scans of a case; none where the bank has not kept them, or not intact."""
    try:
        return bank.scans(case_id)
    except (BankError, ScanError):
        return ()


def _verdict(comparison: Comparison) -> str:
    verdict = comparison.verdict
    title = verdict.condition or verdict.outcome.capitalize()
    return (
        f"<section class='verdict'><div class='kind'>{_KINDS[verdict.outcome]}</div>"
        f"<h1>{escape(title)}</h1><p>{escape(verdict.text)}</p></section>\n"
    )


def _query(comparison: Comparison) -> str:
    query = comparison.query
    size = " x ".join(str(n) for n in query.spatial_shape)
    spacing = " x ".join(f"{mm:.3g}" for mm in query.spacing or ())
    facts = (
        ("query", query.name or "scan in memory"),
        ("modality", query.modality or "not stated"),
        ("body part", query.body_part or "not stated"),
        ("size", f"{size} voxels" if len(query.spatial_shape) == 3 else f"{size} pixels"),
        ("spacing", f"{spacing} mm" if spacing else "not known"),
        ("orientation", query.orientation or "not known"),
        ("patient (hash)", query.patient or "not known"),
        ("compared on", comparison.created.replace("T", " ").replace("+00:00", " UTC")),
    )
    items = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f"<dl class='facts'>{items}</dl>\n"


def _notes(comparison: Comparison) -> str:
    pool = () if comparison.normal_pool is None else (comparison.normal_pool.text,)
    notes = (*comparison.query.warnings, *pool, *comparison.notes)
    if not notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f"<ul class='notes'>{items}</ul>\n"


def _conditions(comparison: Comparison) -> str:
    limit = comparison.verdict.threshold
    distances = [entry.judged_distance for entry in comparison.conditions]
    prototype = [entry.prototype_distance for entry in comparison.conditions]
    longest = 1.05 * max([*distances, limit or 0.0]) or 1.0
    digits = decimals_for(distances if limit is None else [*distances, limit])
    rows = "".join(
        _condition_row(entry, limit, longest, digits, decimals_for(prototype))
        for entry in comparison.conditions
    )
    legend = ""
    if limit is not None:
        legend = (
            "<p class='legend'><span class='tick'></span>"
            f"The bank's limit, {limit:.{digits}f}: "
            f"{escape(comparison.verdict.threshold_source)}. Beyond it the answer is none "
            "of these.</p>"
        )
    reason = comparison.probability_reason
    why = f"<p class='legend'>No probability is shown: {escape(reason)}.</p>" if reason else _MEANS
    return (
        f"<h2>Conditions, ranked by {_BY_RULE[comparison.rule]}</h2>\n<table><thead><tr><th></th>"
        f"<th>condition</th><th>{_BAR[comparison.verdict.measure]} (shorter is closer)</th>"
        "<th class='number'></th><th class='number'>probability</th><th>nearest case</th>"
        "<th class='number'>among the nearest<br>patients</th>"
        "<th class='number'>distance to<br>prototype</th>"
        f"<th class='number'>patients<br>in bank</th></tr></thead>\n<tbody>{rows}</tbody></table>\n"
        f"{legend}{why}\n"
    )


_BAR = {
    "nearest distance": "distance to its nearest patient",
    "combined distance": "distance to its nearest patients and their mean, combined",
}
_MEANS = (
    "<p class='legend'>Probabilities hold if the query's condition is one of these and conditions "
    "are as frequent as in this bank. They are no diagnosis.</p>"
)
_BY_RULE = {
    "combined": "combined distance",
    "nearest": "nearest patient",
    "vote": "vote of the nearest patients",
    "prototype": "nearest prototype",
}


def _condition_row(
    entry: ConditionRank, limit: float | None, longest: float, digits: int, prototype_digits: int
) -> str:
    tick = ""
    if limit is not None:
        tick = f"<div class='tick' style='left:{100 * limit / longest:.2f}%'></div>"
    distance = entry.judged_distance
    within = " class='within'" if limit is not None and distance <= limit else ""
    probability = escape(probability_words(entry.probability))
    return (
        f"<tr{within}><td class='soft'>{entry.rank}</td>"
        f"<td class='name'>{escape(entry.condition)}</td>"
        f"<td class='bar'><div class='track'><div class='fill' "
        f"style='width:{100 * distance / longest:.2f}%'></div>{tick}</div></td>"
        f"<td class='number'>{distance:.{digits}f}</td>"
        f"<td class='number'>{probability}</td>"
        f"<td class='case'>{escape(entry.nearest_case_id)}</td>"
        f"<td class='number'>{entry.votes:.0%}</td>"
        f"<td class='number'>{entry.prototype_distance:.{prototype_digits}f}</td>"
        f"<td class='number'>{entry.n_patients}</td></tr>\n"
    )


def _calibration(comparison: Comparison) -> str:
    used = comparison.calibration
    if used is None:
        return "none"
    return (
        f"number {used.number}, of version {used.bank_version} of the bank, "
        f"{used.n_patients} patients asked"
    )


def _settings(comparison: Comparison) -> str:
    facts = (
        ("metric", comparison.metric),
        ("conditions ranked by", _BY_RULE[comparison.rule]),
        ("k", str(comparison.k)),
        ("bank", f"{comparison.bank_name}, version {comparison.bank_version}"),
        ("cases in the bank", str(comparison.n_cases)),
        ("left out (the query's own patient)", str(comparison.n_same_patient)),
        ("limit", comparison.verdict.threshold_source),
        ("calibration", _calibration(comparison)),
        ("encoder", comparison.encoder_name),
        ("encoder fingerprint", comparison.encoder_fingerprint),
        ("query fingerprint", " ".join(comparison.query.content_hashes)),
        ("series", comparison.query.series_uid or "not stated"),
        ("medsiam", comparison.medsiam_version),
    )
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in facts
    )
    return f"<h2>How this was computed</h2>\n<table class='small'>{rows}</table>\n"
