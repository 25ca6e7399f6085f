"""results.csv, results.jsonl and results.parquet: the same rows, written piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from medsiam.reports.table import safe_cell
from medsiam.scoring.part import Part
from medsiam.scoring.schema import NAMES, parquet_schema
from medsiam.writing import atomic_file

TABLES = ("results.csv", "results.jsonl", "results.parquet")
_ROWS_AT_ONCE = 2000


def write_tables(parts: Iterable[Part], out: Path) -> None:
    """Write the three tables; each takes its place when all of them are whole.

    A compared series has one row per match; a failed or skipped one has one row without a match.

    Args:
        parts: in the order of the rows.
        out: an existing folder.

    Raises:
        OutputError: where a file cannot be written; older tables stay as they were.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = parquet_schema()
    with ExitStack() as files:
        as_csv, as_lines, as_parquet = (
            files.enter_context(atomic_file(out / name)) for name in TABLES
        )
        as_csv.write(_csv([dict(zip(NAMES, NAMES, strict=True))]))
        columns = files.enter_context(pq.ParquetWriter(as_parquet, schema))
        for rows in _pieces(row for part in parts for row in part.rows):
            as_csv.write(_csv(rows))
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            as_lines.write(lines.encode())
            columns.write_table(pa.Table.from_pylist(rows, schema))


def _pieces(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    left = iter(rows)
    while piece := [dict(row) for row in islice(left, _ROWS_AT_ONCE)]:
        yield piece


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, NAMES, lineterminator="\n")
    for row in rows:
        writer.writerow({name: safe_cell(value) for name, value in row.items()})
    return text.getvalue().encode()
