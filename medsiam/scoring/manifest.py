"""What became of every file below the folder: the one table of a run that names files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.errors import UsageError
from medsiam.reports.table import safe_cell
from medsiam.scans import FolderIndex
from medsiam.scoring.part import Part
from medsiam.scoring.schema import MANIFEST_COLUMNS
from medsiam.scoring.series_name import Named, Shard, below, name_of_file
from medsiam.writing import write_atomically

MANIFEST = "manifest.csv"
Row = Mapping[str, str]
_UNUSED = {
    "outcome": "skipped",
    "code": "not_used",
    "message": "belongs to a series but was not used (a duplicate)",
}


def manifest_rows(
    index: FolderIndex,
    bank: ReferenceBank,
    series: Iterable[Named],
    part: Callable[[str], Part],
    *,
    shard: Shard | None = None,
) -> list[Row]:
    """Return one row for every file, in the order of their paths.

    Args:
        index: of the folder.
        bank: for the names of files that belong to no series.
        series: all that are accounted for.
        part: by the name of a series.
        shard: of which these series are.
    """
    rows: list[Row] = []
    for named in series:
        kept = part(named.name)
        said = {
            "series": named.name,
            "outcome": kept.outcome,
            "code": kept.code or "",
            "message": kept.message or "",
        }
        for number, file in enumerate(named.files):
            unused = kept.used is not None and number not in kept.used
            path = below(index.folder, file)
            rows.append({"path": path, **said, **(_UNUSED if unused else {})})
    for skipped in index.skipped:
        name = name_of_file(skipped.path, index.folder, bank)
        if skipped.is_foreign and (shard is None or shard.holds(name)):
            said = {"outcome": "skipped", "code": skipped.code, "message": skipped.reason}
            rows.append({"path": below(index.folder, skipped.path), "series": "", **said})
    return each_file_once(rows)


def each_file_once(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in the order of their paths, of several for a file the best, then the first.

    The best is scored before failed before skipped.
    """
    chosen: dict[str, Row] = {}
    for row in rows:
        path = row["path"]
        if path not in chosen or _weight(row) < _weight(chosen[path]):
            chosen[path] = row
    return [chosen[path] for path in sorted(chosen)]


def write_manifest(rows: Iterable[Row], out: Path) -> None:
    """Write `manifest.csv`, which only its owner may read: paths may name patients.

    Raises:
        OutputError: where it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, MANIFEST_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: safe_cell(value) for name, value in row.items()})
    write_atomically(out / MANIFEST, text.getvalue().encode(), private=True)


def read_manifest(out: Path) -> list[Row]:
    """Read it back.

    Raises:
        UsageError: it is not there, or no manifest.
    """
    try:
        with (out / MANIFEST).open(newline="", encoding="utf-8") as stream:
            rows: list[Row] = list(csv.DictReader(stream))
        if any(set(row) != set(MANIFEST_COLUMNS) for row in rows):
            raise ValueError
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{out}: its {MANIFEST} cannot be read; run `medsiam score` with --resume on it"
        ) from error
    return rows


def earlier_rows(out: Path) -> list[Row]:
    """Return the rows of the manifest of an earlier moment; none where there is none."""
    try:
        return read_manifest(out)
    except UsageError:
        return []


def _weight(row: Row) -> int:
    return ("scored", "failed", "skipped").index(row["outcome"])
