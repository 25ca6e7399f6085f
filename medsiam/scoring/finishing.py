"""From the parts of a run to what people read: tables, manifest, summary."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medsiam.errors import OutputError
from medsiam.scoring.extra import REPORTS
from medsiam.scoring.manifest import MANIFEST, Row, write_manifest
from medsiam.scoring.part import PARTS, Part, kept_names, read_part, remove_part
from medsiam.scoring.run_state import RunState, now, write_state
from medsiam.scoring.summary import SUMMARY, write_summary
from medsiam.scoring.tables import TABLES, write_tables

RESULTS = (*TABLES, MANIFEST, SUMMARY)
Manifest = Callable[[Mapping[str, Part]], Sequence[Row]]
_PAGE = re.compile(r"[0-9a-f]{16}|[0-9]{5}_.*")  # also those of older versions


def finish_run(
    state: RunState,
    series: Sequence[str],
    manifest: Manifest,
    out: Path,
    *,
    with_pages: bool,
) -> None:
    """Write the results of a run, and remove parts and pages of all other series.

    Args:
        state: of the run.
        series: names, in the order of the rows.
        manifest: gives one row for every file; it gets the parts, without their answers.
        out: folder with the parts.
        with_pages: keep the pages of these series; else none is kept.

    Raises:
        OutputError: where something cannot be written; the parts stay.
    """
    for name in {*kept_names(out)} - {*series}:
        remove_part(out, name)
    pages = {*series} if with_pages else set()
    for page in (out / REPORTS).glob("*.html"):
        if _PAGE.fullmatch(page.stem) and page.stem not in pages:
            page.unlink()
    write_results(state, series, manifest, out, with_pages=with_pages)


def write_results(
    state: RunState, series: Sequence[str], manifest: Manifest, out: Path, *, with_pages: bool
) -> None:
    """Write tables, manifest and summary, and say that they are finished; see `finish_run`."""
    seen: dict[str, Part] = {}
    write_tables(_noted(series, out, seen), out)
    rows = manifest(seen)
    write_manifest(rows, out)
    done = replace(state, state="finished", finished=now())
    write_summary(done, list(seen.values()), len(rows), out, with_pages=with_pages)
    write_state(done, out)


def part_in(out: Path, series: str) -> Part:
    """Return what is kept of a series.

    Raises:
        OutputError: where it is gone or damaged.
    """
    part = read_part(out, series)
    if part is None:
        raise OutputError(
            f"{out / PARTS}: what was kept of series {series} is gone or damaged; run the same "
            "`medsiam score` again"
        )
    return part


def _noted(series: Sequence[str], out: Path, seen: dict[str, Part]) -> Iterator[Part]:
    """The parts one by one; what is remembered of each is small."""
    for name in series:
        part = part_in(out, name)
        seen[name] = replace(part, rows=part.rows[:1], comparison=None)
        yield part
