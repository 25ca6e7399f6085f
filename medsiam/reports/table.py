"""Comparisons as flat rows, one per match, and as a CSV file that is safe to open."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from medsiam.bank.review import Review
from medsiam.comparison.result import Comparison
from medsiam.reports.document import query_path
from medsiam.reports.review_words import review_lines
from medsiam.writing import write_atomically

Cell = str | int | float | None
Value = TypeVar("Value")

COLUMNS = (
    "query",
    "series_uid",
    "query_hash",
    "query_patient_id",
    "rank",
    "case_id",
    "condition",
    "patient_id",
    "distance",
    "probability",
    "probability_reason",
    "verdict",
    "verdict_condition",
    "verdict_text",
    "threshold",
    "threshold_source",
    "metric",
    "rule",
    "k",
    "encoder_fingerprint",
    "bank_name",
    "bank_version",
    "created",
    "medsiam_version",
    "notes",
    "research_use",
    "n_further_cases",
    "condition_set",
    "maybe_same_patient",
    "counter_example_case_id",
    "hangs_on_one_case",
    "verdict_distance",
    "verdict_measure",
    "runtime",
)
# What spreadsheets take for the start of a formula, full-width forms too (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def flat_rows(comparison: Comparison) -> list[dict[str, Cell]]:
    """One dict per match, with all of `COLUMNS` as keys; patients are hashes."""
    query, verdict = comparison.query, comparison.verdict
    held, evidence = comparison.condition_set, comparison.evidence
    against = None if evidence is None else evidence.counter_example
    shared: dict[str, Cell] = {
        "query": query_path(query) or query.name,
        "series_uid": query.series_uid,
        "query_hash": " ".join(query.content_hashes),
        "query_patient_id": query.patient,
        "probability_reason": comparison.probability_reason,
        "verdict": verdict.outcome,
        "verdict_condition": verdict.condition,
        "verdict_text": verdict.text,
        "threshold": verdict.threshold,
        "threshold_source": verdict.threshold_source,
        "metric": comparison.metric,
        "rule": comparison.rule,
        "k": comparison.k,
        "encoder_fingerprint": comparison.encoder_fingerprint,
        "bank_name": comparison.bank_name,
        "bank_version": comparison.bank_version,
        "created": comparison.created,
        "medsiam_version": comparison.medsiam_version,
        "notes": " ".join((*query.warnings, *comparison.notes)),
        "research_use": comparison.research_use,
        "condition_set": None
        if held is None or held.conditions is None
        else "; ".join(held.conditions),
        "maybe_same_patient": "; ".join(match.case_id for match in comparison.maybe_same_patient),
        "counter_example_case_id": None if against is None else against.case_id,
        "hangs_on_one_case": None if evidence is None else evidence.hangs_on_one_case,
        "verdict_distance": verdict.value,
        "verdict_measure": verdict.measure,
        "runtime": comparison.runtime,
    }
    rows = []
    for match in comparison.matches:
        own: dict[str, Cell] = {
            "rank": match.rank,
            "case_id": match.case_id,
            "condition": match.condition,
            "patient_id": match.patient,
            "distance": match.distance,
            "probability": match.probability,
            "n_further_cases": match.n_further_cases,
        }
        row = shared | own
        rows.append({name: row[name] for name in COLUMNS})
    return rows


def write_csv(
    comparisons: Comparison | Iterable[Comparison],
    path: Path | str,
    *,
    reviews: Sequence[Review] = (),
) -> None:
    """Write one row per match as UTF-8 CSV, whole or not at all.

    The last column says in each row, line by line, what readers said about its study.

    Raises:
        OutputError: where the file cannot be written.
    """
    if isinstance(comparisons, Comparison):
        comparisons = (comparisons,)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, (*COLUMNS, "reviews"), lineterminator="\n")
    writer.writeheader()
    for comparison in comparisons:
        said: dict[str, Cell] = {"reviews": "\n".join(map(str, review_lines(comparison, reviews)))}
        for row in flat_rows(comparison):
            writer.writerow({name: safe_cell(value) for name, value in (row | said).items()})
    write_atomically(path, text.getvalue())


def safe_cell(value: Value) -> Value | str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula.

    Numbers stay as they are, minus sign included. Line ends become a line feed: readers differ on
    whether a lone carriage return ends a row.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text
