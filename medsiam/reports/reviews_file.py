"""All reviews of a bank as a file: CSV, JSON or JSON lines, with what is needed to check them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.bank.review import FIELDS, Review
from medsiam.comparison.result import RESEARCH_USE
from medsiam.errors import NothingToDoError, UsageError
from medsiam.reports.review_words import review_documents
from medsiam.reports.table import safe_cell
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

SCHEMA_VERSION = 1
COLUMNS = (*FIELDS, "withdrawn_by", "bank_name", "research_use")


def write_reviews(bank: ReferenceBank, path: Path | str) -> tuple[Review, ...]:
    """Write every review of the bank, whole or not at all, and return them.

    Args:
        bank: whose reviews.
        path: ends in .csv, .json or .jsonl, which says the form.

    Raises:
        UsageError: another ending.
        BankError: the reviews are not as they were kept.
        NothingToDoError: there is none.
        OutputError: where the file cannot be written.
    """
    target = Path(path)
    form = _FORMS.get(target.suffix.lower())
    if form is None:
        raise UsageError(f"{target.name}: reviews are written to {', '.join(_FORMS)}; choose one")
    reviews = bank.reviews.all()
    if not reviews:
        raise NothingToDoError(f"bank {bank.name} holds no review yet; nothing was written")
    write_atomically(target, form(_rows(reviews, bank.name)))
    return reviews


def _rows(reviews: Sequence[Review], bank_name: str) -> list[dict[str, Any]]:
    said = {"bank_name": bank_name, "research_use": RESEARCH_USE}
    return [document | said for document in review_documents(reviews)]


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: safe_cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _json(rows: list[dict[str, Any]]) -> str:
    document = {
        "schema_version": SCHEMA_VERSION,
        "bank_name": rows[0]["bank_name"],
        "n_reviews": len(rows),
        "head": rows[-1]["digest"],
        "reviews": [{k: row[k] for k in (*FIELDS, "withdrawn_by")} for row in rows],
        "research_use": RESEARCH_USE,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


_FORMS: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
}
