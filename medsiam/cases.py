"""The case table: a CSV that says which scan belongs to which condition and patient.

Columns: `path,condition` are needed (`label` is accepted for `condition`); `patient_id, group,
case_id, split, phase, proof, licence, source, modality, mask_path, notes, site, scanner, acquired,
curator` are used where present; every other column is kept in `CaseRow.extra`, and named in a
notice. Paths are absolute or relative to the CSV.
"""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from medsiam.errors import CaseTableError

KNOWN_COLUMNS = (
    "path",
    "condition",
    "patient_id",
    "group",
    "case_id",
    "split",
    "phase",
    "proof",
    "licence",
    "source",
    "modality",
    "mask_path",
    "notes",
    "site",
    "scanner",
    "acquired",
    "curator",
)
_FAULTS_SHOWN = 20


@dataclass(frozen=True)
class CaseRow:
    """One row: one scan.

    Attributes:
        row: line of the CSV; the header is line 1.
        path: absolute.
        path_text: the path as written in the table.
        case_id: as given, else the path relative to the table, without its suffixes; of a file
            outside the table's folder only the name, for folders may be named after patients.
        phase: name of the scan among the scans of its case; "" where the row has no case_id, so
            that its scan is a case of its own.
        extra: (column, value) of the columns without a use of their own, for evaluation by slices
            and filters. Never printed.
    """

    row: int
    path: Path
    path_text: str
    condition: str
    case_id: str
    patient_id: str | None = None
    group: str | None = None
    split: str | None = None
    phase: str = ""
    proof: str | None = None
    licence: str | None = None
    source: str | None = None
    modality: str | None = None
    mask_path: Path | None = None
    notes: str | None = None
    site: str | None = None
    scanner: str | None = None
    acquired: str | None = None
    curator: str | None = None
    extra: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:  # the generated one would print the patient's identifier
        return f"CaseRow({self.path_text!r}, {self.condition!r}, row {self.row})"

    @property
    def subject(self) -> str:
        """What must stay on one side of any split: the patient, else the group, else the case."""
        if self.patient_id:
            return f"patient:{self.patient_id}"
        if self.group:
            return f"group:{self.group}"
        return f"case:{self.case_id}"

    def value(self, column: str) -> str | None:
        """What the table says in this column; None where it says nothing."""
        if column not in KNOWN_COLUMNS:
            return dict(self.extra).get(column)
        known = getattr(self, column)
        return str(known) if known else dict(self.extra).get(column)

    @property
    def stands_alone(self) -> bool:
        """True where neither patient nor group is known."""
        return not self.patient_id and not self.group


@dataclass(frozen=True)
class CaseTable:
    """The rows of a case table, and what a person should know about how it was read."""

    path: Path
    rows: tuple[CaseRow, ...]
    notices: tuple[str, ...]


def read_case_table(path: Path | str, *, check_files: bool = True) -> CaseTable:
    """Read a case table.

    Args:
        path: the CSV (UTF-8, with or without byte order mark).
        check_files: also report every path that does not exist.

    Raises:
        CaseTableError: with every fault found, each with its line.
    """
    table = Path(path)
    header, records = _read_csv(table)
    columns = _columns(table, header)
    faults: list[str] = []
    names = _case_ids([record for _, record in records], columns, table.parent)
    rows = [
        _row(number, record, columns, table.parent, faults, case_id=name)
        for (number, record), name in zip(records, names, strict=True)
    ]
    if not rows and not faults:
        faults.append("there is no row below the header")
    if check_files:
        faults += [
            f"line {row.row}: {row.path_text} does not exist"
            for row in rows
            if row.path_text and not row.path.exists()
        ]
    faults += _case_faults(rows)
    if faults:
        shown = faults[:_FAULTS_SHOWN]
        if len(faults) > len(shown):
            shown.append(f"and {len(faults) - len(shown)} more")
        raise CaseTableError(f"case table {table}: " + "; ".join(shown))
    notices = _notices(header, rows)
    if "phase" in columns and "case_id" not in columns:
        notices.append(
            "phase is not used, as there is no case_id: each scan is a case of its own; give the "
            "scans of one case the same case_id to join them"
        )
    return CaseTable(table, tuple(rows), tuple(notices))


def group_cases(rows: Iterable[CaseRow]) -> list[tuple[CaseRow, ...]]:
    """Join rows that share a `case_id`, each case's rows in order of `phase`.

    Cases keep the order in which the table first names them.
    """
    cases: dict[str, list[CaseRow]] = {}
    for row in rows:
        cases.setdefault(row.case_id, []).append(row)
    return [tuple(sorted(members, key=lambda row: row.phase)) for members in cases.values()]


def _read_csv(table: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    if not table.is_file():
        raise CaseTableError(f"case table {table}: there is no such file")
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restkey="")
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            records = []
            for record in reader:
                cells = {k: (v or "").strip() for k, v in record.items() if k}
                if any(cells.values()):
                    records.append((reader.line_num, cells))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CaseTableError(
            f"case table {table}: not a UTF-8 CSV file ({error}); save it as CSV with UTF-8 text"
        ) from error
    return header, records


def _columns(table: Path, header: list[str]) -> dict[str, str]:
    """Map each known column to the name it has in this table."""
    columns = {name: name for name in KNOWN_COLUMNS if name in header}
    if "condition" not in columns and "label" in header:
        columns["condition"] = "label"
    missing = [name for name in ("path", "condition") if name not in columns]
    if missing:
        raise CaseTableError(
            f"case table {table}: column {' and '.join(missing)} missing "
            f"(found: {', '.join(header) or 'an empty file'}); "
            "the header needs at least path,condition and should have patient_id"
        )
    return columns


def _row(
    number: int,
    record: dict[str, str],
    columns: dict[str, str],
    folder: Path,
    faults: list[str],
    *,
    case_id: str,
) -> CaseRow:
    cells = {name: record.get(column) or None for name, column in columns.items()}
    for name in ("path", "condition"):
        if not cells[name]:
            faults.append(f"line {number}: {name} is empty")
    path_text = cells.get("path") or ""
    mask = cells.get("mask_path")
    return CaseRow(
        row=number,
        path=(folder / path_text).absolute(),
        path_text=path_text,
        condition=cells["condition"] or "",
        case_id=case_id,
        patient_id=cells.get("patient_id"),
        group=cells.get("group"),
        split=cells.get("split"),
        phase=(cells.get("phase") or "") if cells.get("case_id") else "",
        proof=cells.get("proof"),
        licence=cells.get("licence"),
        source=cells.get("source"),
        modality=cells.get("modality"),
        mask_path=(folder / mask).absolute() if mask else None,
        notes=cells.get("notes"),
        site=cells.get("site"),
        scanner=cells.get("scanner"),
        acquired=cells.get("acquired"),
        curator=cells.get("curator"),
        extra=_extra(record, columns, joined=bool(cells.get("case_id"))),
    )


def _extra(
    record: dict[str, str], columns: dict[str, str], *, joined: bool
) -> tuple[tuple[str, str], ...]:
    """What no field has taken; a phase too, where no case_id gives it a meaning."""
    used = set(columns.values()) - (set() if joined else {"phase"})
    return tuple((name, value) for name, value in record.items() if value and name not in used)


def _case_ids(records: list[dict[str, str]], columns: dict[str, str], folder: Path) -> list[str]:
    """The case_id of each row; no two files share one that is made from their names."""
    given = [record.get(columns.get("case_id", ""), "") for record in records]
    paths = [record.get(columns["path"], "") for record in records]
    named = [own or _inside(path, folder) for own, path in zip(given, paths, strict=True)]
    taken = {name for name in named if name}
    made: dict[str, str] = {}  # a path that is named twice is one file
    for name, path in zip(named, paths, strict=True):
        if name is None and path not in made:
            made[path] = _free(_without_suffixes(Path(path).name), taken)
            taken.add(made[path])
    return [made[path] if name is None else name for name, path in zip(named, paths, strict=True)]


def _inside(path_text: str, folder: Path) -> str | None:
    """The name of a file by its place beside the table; None for a path elsewhere."""
    home = Path(os.path.normpath(folder.absolute()))
    path = Path(os.path.normpath(home / path_text))
    if not path.is_relative_to(home):
        return None
    return _without_suffixes(path.relative_to(home).as_posix())


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken."""
    numbers = itertools.count(2)
    found = name
    while found in taken:
        found = f"{name} ({next(numbers)})"
    return found


def _without_suffixes(path_text: str) -> str:
    for ending in (".nii.gz", ".nii", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff"):
        if path_text.lower().endswith(ending):
            return path_text[: -len(ending)]
    return path_text.rstrip("/")


def _case_faults(rows: list[CaseRow]) -> list[str]:
    """One case has one condition, one patient, and each phase once."""
    faults = []
    for members in group_cases(row for row in rows if row.case_id):
        lines = ", ".join(str(row.row) for row in members)
        name = f"case {members[0].case_id} (lines {lines})"
        if len({row.condition for row in members}) > 1:
            faults.append(f"{name} has several conditions")
        if len({row.subject for row in members if not row.stands_alone}) > 1:
            faults.append(f"{name} has several patients")
        if len({row.phase for row in members}) < len(members):
            faults.append(
                f"{name}: rows of one case need different phases; give each scan its own case_id "
                "or name the phases"
            )
    return faults


def _notices(header: list[str], rows: list[CaseRow]) -> list[str]:
    notices = []
    ignored = [
        name
        for name in header
        if name not in KNOWN_COLUMNS and not (name == "label" and "condition" not in header)
    ]
    if ignored:
        notices.append(f"columns not used: {', '.join(ignored)}")
    alone = sum(row.stands_alone for row in rows)
    if alone:
        notices.append(
            f"{alone} of {len(rows)} rows have neither patient_id nor group: each stands alone, so "
            "scans of one patient may be on both sides of a split or a match"
        )
    return notices
