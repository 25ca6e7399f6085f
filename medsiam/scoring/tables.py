"""results.csv, results.jsonl, results.parquet with the same rows, and manifest.csv."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from medsiam.comparison.result import RESEARCH_USE, Comparison
from medsiam.reports.table import flat_rows, safe_cell
from medsiam.scans import FolderIndex
from medsiam.scoring.outcome import Failure, Outcome
from medsiam.writing import write_atomically

SCHEMA_VERSION = 1
_MANIFEST = ("path", "outcome", "code", "message")


def write_results(outcomes: Sequence[Outcome], index: FolderIndex, out: Path | str) -> None:
    """Write the tables of one run; each file is replaced in one step.

    A compared series has one row per match; a failed or skipped one has one row without a match.

    Raises:
        OutputError: where the folder or a file cannot be written.
    """
    folder = Path(out)
    rows = [row for outcome in outcomes for row in _rows(outcome, index.folder)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name) for name in columns} for row in rows]
    write_atomically(folder / "results.csv", _csv(columns, rows))
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_atomically(folder / "results.jsonl", lines.encode())
    write_atomically(folder / "results.parquet", _parquet(rows))
    manifest = sorted(_manifest(outcomes, index), key=lambda row: str(row["path"]))
    write_atomically(folder / "manifest.csv", _csv(_MANIFEST, manifest))


def _rows(outcome: Outcome, root: Path) -> list[dict[str, Any]]:
    if isinstance(outcome, Comparison):
        head = {"outcome": "scored", "code": None, "message": None}
        rows = [{**head, **row} for row in flat_rows(outcome)]
        for row in rows:
            row["query"] = _below(root, Path(str(row["query"])))
    else:
        failed = isinstance(outcome, Failure)
        rows = [
            {
                "outcome": "failed" if failed else "skipped",
                "code": outcome.code,
                "message": outcome.message if isinstance(outcome, Failure) else outcome.reason,
                "query": _below(root, outcome.source),
                "research_use": RESEARCH_USE,
            }
        ]
    return [{"schema_version": SCHEMA_VERSION, **row} for row in rows]


def _manifest(outcomes: Iterable[Outcome], index: FolderIndex) -> list[dict[str, Any]]:
    """One row for every file below the folder."""
    rows = []
    for outcome in outcomes:
        if isinstance(outcome, Comparison):
            said = {"outcome": "scored", "code": "", "message": ""}
            files = tuple(Path(name) for name in outcome.query.sources)
        elif isinstance(outcome, Failure):
            said = {"outcome": "failed", "code": outcome.code, "message": outcome.message}
            files = outcome.files
        else:
            said = {"outcome": "skipped", "code": outcome.code, "message": outcome.reason}
            files = outcome.files
        rows += [{"path": _below(index.folder, file), **said} for file in files]
    named = {row["path"] for row in rows}
    for skipped in index.skipped:
        if (path := _below(index.folder, skipped.path)) not in named:
            said = {"outcome": "skipped", "code": skipped.code, "message": skipped.reason}
            rows.append({"path": path, **said})
            named.add(path)
    # A reader may leave out a file of a scored series (a duplicate slice), or a run may end early.
    for source in index.sources:
        for file in source.files:
            if (path := _below(index.folder, file)) not in named:
                rows.append(_unused(path))
    return rows


def _unused(path: str) -> dict[str, Any]:
    return {
        "path": path,
        "outcome": "skipped",
        "code": "not_used",
        "message": "belongs to a series but was not used (a duplicate), or the run ended before it",
    }


def _below(root: Path, path: Path) -> str:
    """The path as seen from the folder, in characters that print."""
    absolute, base = path.absolute(), root.absolute()
    shown = absolute.relative_to(base) if absolute.is_relative_to(base) else path
    return os.fsencode(shown).decode("utf-8", "backslashreplace")


def _csv(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: safe_cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()
