"""What a run keeps of each series the moment it is known: one small file, whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from medsiam.comparison.result import RESEARCH_USE, Comparison
from medsiam.reports import comparison_document
from medsiam.reports.table import flat_rows
from medsiam.scans import ScanSource
from medsiam.scoring.outcome import Failure, Outcome
from medsiam.scoring.schema import SCHEMA_VERSION, full_row
from medsiam.scoring.series_name import Named, below
from medsiam.writing import write_atomically

PARTS = "parts"
_SHORTEST_HIDDEN = 3  # as for patients: "p1" cannot be told from an ordinary word
Word = Literal["scored", "skipped", "failed"]


@dataclass(frozen=True)
class Part:
    """The outcome of one series; no file is named in it.

    Attributes:
        series: its name.
        place: among all series of the folder, from 0.
        outcome: "scored", "skipped" or "failed".
        key: of its content and all that the outcome depends on; None where it must be found out
            anew by the next run.
        limits: seconds and bytes that the reading was given.
        used: which of the series' files were compared; None: all.
        code, message: why it was not scored.
        rows: of the tables.
        comparison: the whole answer as `compare --json` gives it; None where there is none.
    """

    series: str
    place: int
    outcome: Word
    key: str | None
    limits: tuple[float, int]
    rows: tuple[Mapping[str, Any], ...]
    used: tuple[int, ...] | None = None
    code: str | None = None
    message: str | None = None
    comparison: Mapping[str, Any] | None = None

    @property
    def verdict(self) -> str | None:
        """As in the rows; None where it was not scored."""
        return self.rows[0].get("verdict") if self.rows else None


def part_of(
    named: Named, outcome: Outcome, root: Path, *, key: str | None, limits: tuple[float, int]
) -> Part:
    """Turn an outcome into what is kept of it.

    Args:
        named: the series.
        outcome: what became of it.
        root: the folder that is scored.
        key: see `Part`.
        limits: see `Part`.
    """
    hide = _Hiding(named, outcome, root)
    if isinstance(outcome, Comparison):
        return _scored(named, outcome, hide, key=key, limits=limits)
    word: Word = "failed" if isinstance(outcome, Failure) else "skipped"
    said = outcome.message if isinstance(outcome, Failure) else outcome.reason
    message = hide(said)
    row = {
        "schema_version": SCHEMA_VERSION,
        "outcome": word,
        "code": outcome.code,
        "message": message,
        "query": named.name,
        "series_uid": named.found.series_uid if isinstance(named.found, ScanSource) else None,
        "research_use": RESEARCH_USE,
    }
    return Part(
        named.name,
        named.place,
        word,
        key,
        limits,
        (full_row(row),),
        code=outcome.code,
        message=message,
    )


def write_part(part: Part, out: Path) -> None:
    """Keep a part.

    Raises:
        OutputError: where it cannot be written; what was kept before stays.
    """
    text = json.dumps(asdict(part), ensure_ascii=False, allow_nan=False)
    write_atomically(_file(out, part.series), text.encode("utf-8", "backslashreplace") + b"\n")


def read_part(out: Path, series: str) -> Part | None:
    """Return what is kept of a series; None where there is nothing, or nothing that makes sense."""
    try:
        document = json.loads(_file(out, series).read_bytes())
        known = replace(
            Part(**document),
            limits=tuple(document["limits"]),
            rows=tuple(full_row(row) for row in document["rows"]),
            used=None if document["used"] is None else tuple(document["used"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return known if known.series == series else None


def kept_names(out: Path) -> Iterator[str]:
    """Yield the names of all series of which something is kept."""
    for path in sorted((out / PARTS).glob("*.jsonl")):
        if not path.name.startswith("."):
            yield path.stem


def remove_part(out: Path, series: str) -> None:
    """Forget a series."""
    _file(out, series).unlink(missing_ok=True)


def _file(out: Path, series: str) -> Path:
    return out / PARTS / f"{series}.jsonl"


def _scored(
    named: Named,
    comparison: Comparison,
    hide: _Hiding,
    *,
    key: str | None,
    limits: tuple[float, int],
) -> Part:
    used = {str(file) for file in comparison.query.sources}
    query = replace(
        comparison.query,
        sources=(),
        name=named.name,
        warnings=tuple(map(hide, comparison.query.warnings)),
    )
    shown = replace(comparison, query=query, notes=tuple(map(hide, comparison.notes)))
    head = {"schema_version": SCHEMA_VERSION, "outcome": "scored"}
    return Part(
        named.name,
        named.place,
        "scored",
        key,
        limits,
        tuple(full_row({**head, **row}) for row in flat_rows(shown)),
        used=_places(named, used),
        comparison=comparison_document(shown),
    )


def _places(named: Named, used: set[str]) -> tuple[int, ...] | None:
    """Which files were compared; None for all: a reader may leave out a duplicate slice."""
    files = named.found.files if isinstance(named.found, ScanSource) else ()
    places = tuple(n for n, file in enumerate(files) if str(file) in used)
    return None if len(places) == len(files) else places


class _Hiding:
    """Takes the names of files and folders out of sentences."""

    def __init__(self, named: Named, outcome: Outcome, root: Path) -> None:
        found = named.found
        files = found.files if isinstance(found, ScanSource) else ()
        paths = {found.path, *files}
        if not isinstance(outcome, Comparison):
            paths.add(outcome.source)
        self._whole = sorted(map(str, paths), key=len, reverse=True)
        self._root = f"{root.absolute()}{os.sep}"
        self._series = named.name
        parts = {part for path in paths for part in Path(below(root, path)).parts}
        parts |= {Path(part).stem for part in parts} | {part.split(".")[0] for part in parts}
        long = (part for part in parts if len(part) >= _SHORTEST_HIDDEN)
        self._parts = sorted(long, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for path in self._whole:
            text = text.replace(path, f"series {self._series}")
        text = text.replace(self._root, "[folder]/")
        for part in self._parts:
            if part in text:
                text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "[file]", text)
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
