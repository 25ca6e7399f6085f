"""`medsiam score`: compare every series below a folder with a bank."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.cli.terminal import Remark, notice, print_json, print_remarks, progress, table

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.scans import FolderIndex
    from medsiam.scoring import Outcome


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "score",
        help="compare every series below a folder with a bank",
        description="Compare every DICOM series, NIfTI file and image below a folder with a bank. "
        "Each file is accounted for in manifest.csv; a bad one never stops the run.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for results and manifest")
    parser.add_argument("-k", type=int, default=5, help="matches per series (default 5)")
    parser.add_argument("--metric", help="as in `medsiam compare` (default: as calibrated)")
    parser.add_argument("--rule", help="as in `medsiam compare` (default: as calibrated)")
    parser.add_argument(
        "--allow-resample",
        action="store_true",
        help="fill gaps between slices by interpolation instead of failing; results say so",
    )
    parser.add_argument("--reports", action="store_true", help="also write one page per series")
    parser.add_argument("--dry-run", action="store_true", help="say what would be compared")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam import ReferenceBank
    from medsiam.errors import NothingToDoError
    from medsiam.scans import index_folder
    from medsiam.scoring import unreadable

    bank = ReferenceBank.open(args.bank)
    index = index_folder(args.folder)
    if not index.sources and not unreadable(index):
        raise NothingToDoError(
            f"{args.folder}: no DICOM series, NIfTI file or image in {len(index.skipped)} files; "
            "`medsiam info` says what each of them is"
        )
    if args.dry_run:
        return _dry_run(args, index, bank)
    return _score(args, index, bank)


def _dry_run(args: argparse.Namespace, index: FolderIndex, bank: ReferenceBank) -> int:
    from medsiam.scoring import why_not

    rows = []
    for source in index.sources:
        reason = why_not(source, bank)
        rows.append((str(source.path), source.kind, len(source.files), reason and reason[1]))
    if args.json:
        names = ("path", "kind", "n_files", "skipped_because")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        shown = [(path, kind, n, reason or "compared") for path, kind, n, reason in rows]
        table("Would be", ("series", "kind", "files", ""), shown)
    return 0 if any(row[3] is None for row in rows) else 3


def _score(args: argparse.Namespace, index: FolderIndex, bank: ReferenceBank) -> int:
    from medsiam.reports import write_page
    from medsiam.scoring import Failure, Skip, score_sources, unreadable, write_results

    _prepare_out(args.out)
    outcomes: list[Outcome] = [*unreadable(index)]
    settings = {
        "k": args.k,
        "metric": args.metric,
        "rule": args.rule,
        "allow_resample": args.allow_resample,
    }
    try:
        with progress("comparing", len(index.sources)) as advance:
            for outcome, scan in score_sources(index.sources, bank, **settings):
                outcomes.append(outcome)
                if args.reports and not isinstance(outcome, (Failure, Skip)) and scan is not None:
                    name = _page_name(len(outcomes), _path(outcome), index.folder)
                    write_page(outcome, (scan,), bank, args.out / "reports" / name)
                advance()
    finally:  # an interrupted run keeps what it has
        write_results(outcomes, index, args.out)
    counts = Counter(_word(outcome) for outcome in outcomes)
    if args.json:
        print_json(_document(outcomes, counts, index, args.out))
    else:
        _show(outcomes, index.folder)
    notice(
        f"{counts['scored']} scored, {counts['skipped']} skipped, {counts['failed']} failed; "
        f"{_other_files(index)} other files; results in {args.out}"
    )
    if counts["failed"]:
        return 4 if counts["scored"] else 5
    return 0 if counts["scored"] else 3


def _prepare_out(out: Path) -> None:
    """Make the folder before any work is done; pages of an earlier run would mislead."""
    from medsiam.errors import OutputError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {out}: {error.strerror}; choose another --out"
        ) from error
    for page in (out / "reports").glob("[0-9]*.html"):
        page.unlink()


def _page_name(number: int, path: str, folder: Path) -> str:
    """A page is named by its place in the run and by the series' path below the folder."""
    below = os.path.relpath(path, folder)
    return f"{number:05d}_{re.sub(r'[^A-Za-z0-9.-]+', '_', below)[-80:]}.html"


def _word(outcome: Outcome) -> str:
    from medsiam.scoring import Failure, Skip

    if isinstance(outcome, Failure):
        return "failed"
    return "skipped" if isinstance(outcome, Skip) else "scored"


def _path(outcome: Outcome) -> str:
    from medsiam.reports import query_path
    from medsiam.scoring import Failure, Skip

    if isinstance(outcome, (Failure, Skip)):
        return str(outcome.source)
    return query_path(outcome.query) or outcome.query.name


def _other_files(index: FolderIndex) -> int:
    return sum(skipped.is_foreign for skipped in index.skipped)


def _show(outcomes: list[Outcome], folder: Path) -> None:
    from medsiam.scoring import Failure, Skip

    rows: list[tuple[object, ...]] = []
    remarks: list[Remark] = []
    for outcome in outcomes:
        path = Path(_path(outcome))
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        if isinstance(outcome, Failure):
            rows.append((name, "failed", outcome.code, None))
        elif isinstance(outcome, Skip):
            rows.append((name, "skipped", outcome.reason, None))
        else:
            best = outcome.conditions[0]
            rows.append((name, outcome.verdict.outcome, best.condition, best.distance))
            remarks += [Remark("note", str(name), said) for said in outcome.query.warnings]
    table("Series", ("series", "verdict", "nearest condition, or why not", "distance"), rows)
    print_remarks(remarks)


def _document(
    outcomes: list[Outcome], counts: Counter[str], index: FolderIndex, out: Path
) -> dict[str, object]:
    from medsiam.reports import comparison_document
    from medsiam.scoring import Failure, Skip

    series = []
    for outcome in outcomes:
        entry: dict[str, object] = {"path": _path(outcome), "outcome": _word(outcome)}
        if isinstance(outcome, Failure):
            entry |= {"code": outcome.code, "message": outcome.message}
        elif isinstance(outcome, Skip):
            entry |= {"code": outcome.code, "message": outcome.reason}
        else:
            entry["comparison"] = comparison_document(outcome)
        series.append(entry)
    return {
        "folder": str(index.folder),
        "out": str(out),
        "counts": {name: counts[name] for name in ("scored", "skipped", "failed")},
        "other_files": _other_files(index),
        "series": series,
    }
