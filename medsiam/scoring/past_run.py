"""Read what `medsiam score` left in a folder, without the names that paths may hold."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medsiam.errors import UsageError
from medsiam.scans import FAULTS
from medsiam.scoring.finishing import RESULTS as WRITTEN
from medsiam.scoring.manifest import MANIFEST
from medsiam.scoring.part import kept_names, read_part
from medsiam.scoring.run_state import RUN, read_state

RESULTS = "results.jsonl"
_NAME = re.compile("[0-9a-f]{16}")
_DEEPEST = 3  # folders below the given one that are looked at
_MOST_FOLDERS = 2000

Word = Literal["scored", "skipped", "failed"]


@dataclass(frozen=True)
class ScoredSeries:
    """What became of one series. Its path stays in the files: paths may name patients.

    Attributes:
        number: its place in the results, from 1.
        outcome: "scored", "skipped" or "failed".
        code, reason: why it was not scored, as a stable word and as a sentence.
        verdict: as `Verdict.outcome`.
        condition: of the nearest match.
        case_id: of the nearest match.
        distance: to it.
        threshold: beyond which the verdict is "none of these"; None where no limit is known.
        judged: the distance that is held against the threshold, which is not always that of the
            nearest match; None where the tables are older than this figure.
        content: first characters of the hash of the pixels.
        name: of the series, as in the manifest; None in tables that are older than such names.
    """

    number: int
    outcome: Word
    code: str | None = None
    reason: str | None = None
    verdict: str | None = None
    condition: str | None = None
    case_id: str | None = None
    distance: float | None = None
    threshold: float | None = None
    judged: float | None = None
    content: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class ScoringRun:
    """One output folder of `medsiam score`.

    Attributes:
        folder: where it lies.
        state: "finished", or "started" where the run goes on, or was interrupted.
        series: one entry per series, in the order of the results; of a run that is not finished
            those that are known.
        n_files: outcome -> files of the manifest.
        created: when the first of these series was compared, UTC; None where none was.
        bank: name and version of the bank that answered; None where nothing was compared.
        encoder_fingerprint: of its encoder.
        metric: of the distances.
        n_expected: series that the run has to account for; None where that is not known.
    """

    folder: Path
    state: Literal["started", "finished"]
    series: tuple[ScoredSeries, ...]
    n_files: Mapping[str, int]
    created: str | None = None
    bank: str | None = None
    encoder_fingerprint: str | None = None
    metric: str | None = None
    n_expected: int | None = None

    @property
    def counts(self) -> dict[Word, int]:
        """Series by outcome."""
        found = Counter(one.outcome for one in self.series)
        return {word: found[word] for word in ("scored", "skipped", "failed")}

    @property
    def files(self) -> tuple[Path, ...]:
        """The tables that are there."""
        return tuple(path for name in WRITTEN if (path := self.folder / name).is_file())


def list_runs(folder: Path | str) -> tuple[Path, ...]:
    """Return the output folders at or below a folder, the newest first; links are not followed.

    Raises:
        UsageError: there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; name one that holds outputs of `medsiam score`")
    found = [path for path in _folders(root) if _is_run(path)]
    return tuple(sorted(found, key=_changed, reverse=True))


def read_run(folder: Path | str) -> ScoringRun:
    """Read one output folder.

    Raises:
        UsageError: it is none, or a table in it is damaged.
    """
    path = Path(folder)
    if not _is_run(path):
        raise UsageError(f"{path.name}: no output of `medsiam score`: there is no {RESULTS} in it")
    state = read_state(path)
    is_finished = (path / RESULTS).is_file() and (state is None or state.state == "finished")
    try:
        rows = _rows(path / RESULTS) if is_finished else _rows_of_parts(path)
        n_files = _outcomes(path / MANIFEST)
        series = _series(rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path.name}: its tables cannot be read ({type(error).__name__}); "
            "run `medsiam score` again into another folder"
        ) from error
    scored = next((row for row in rows if row["outcome"] == "scored"), {})
    bank = f"{scored['bank_name']}, version {scored['bank_version']}" if scored else None
    return ScoringRun(
        folder=path,
        state="finished" if is_finished else "started",
        series=series,
        n_files=n_files,
        created=scored.get("created"),
        bank=bank,
        encoder_fingerprint=scored.get("encoder_fingerprint"),
        metric=scored.get("metric"),
        n_expected=None if state is None else state.n_series,
    )


def _folders(root: Path) -> list[Path]:
    """The folder and those below it, the shallow ones first."""
    found, level = [root], [root]
    for _ in range(_DEEPEST):
        level = sorted(
            path
            for parent in level
            for path in parent.iterdir()
            if path.is_dir() and not path.is_symlink() and not _is_run(parent)
        )
        found += level
        if len(found) > _MOST_FOLDERS:
            break
    return found[:_MOST_FOLDERS]


def _is_run(folder: Path) -> bool:
    return any((folder / name).is_file() for name in (RESULTS, MANIFEST, RUN))


def _changed(folder: Path) -> tuple[float, str]:
    written = (*WRITTEN, RUN)
    times = [(folder / name).stat().st_mtime for name in written if (folder / name).is_file()]
    return max(times, default=0.0), folder.name


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a line is no row")
    return rows


def _rows_of_parts(folder: Path) -> list[dict[str, Any]]:
    """The rows of what a run that is under way knows so far."""
    found = [read_part(folder, name) for name in kept_names(folder)]
    known = sorted((part for part in found if part is not None), key=lambda part: part.place)
    return [dict(row) for part in known for row in part.rows]


def _outcomes(path: Path) -> Mapping[str, int]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        return dict(Counter(row["outcome"] for row in csv.DictReader(stream)))


def _series(rows: list[dict[str, Any]]) -> tuple[ScoredSeries, ...]:
    """The first row of each series: a scored one has one more per further match."""
    firsts = [row for row in rows if row["outcome"] != "scored" or row["rank"] == 1]
    return tuple(_entry(number, row) for number, row in enumerate(firsts, start=1))


def _entry(number: int, row: dict[str, Any]) -> ScoredSeries:
    query = row.get("query")  # a path in older tables
    name = query if isinstance(query, str) and _NAME.fullmatch(query) else None
    if row["outcome"] != "scored":
        reason = _reason(row)
        return ScoredSeries(number, row["outcome"], code=row["code"], reason=reason, name=name)
    return ScoredSeries(
        number,
        "scored",
        verdict=row["verdict"],
        condition=row["condition"],
        case_id=row["case_id"],
        distance=row["distance"],
        threshold=row["threshold"],
        judged=row.get("verdict_distance"),
        content=(row["query_hash"] or "")[:12] or None,
        name=name,
    )


def _reason(row: dict[str, Any]) -> str:
    """What a code means: its own sentence names files; what a skip says names none."""
    known = FAULTS.get(row["code"])
    if known is not None:
        return f"{known.matters}; what to do: {known.remedy}"
    return str(row["message"]) if row["outcome"] == "skipped" else str(row["code"])
