"""`medsiam score`: compare every series below a folder with a bank."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.runtime import add_runtime
from medsiam.cli.score_log import ScoreLog, score_log, tell_of_series
from medsiam.cli.score_watch import add_watch, check_watch, watch
from medsiam.cli.terminal import Remark, notice, print_json, print_remarks, progress, table
from medsiam.cli.way_back import add_way_back, chosen_destination

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.pacs import Delivered, Delivery, Destination
    from medsiam.reports import Pseudonyms
    from medsiam.scans import FolderIndex
    from medsiam.scoring import Limits, Part, RunCounts, Shard, StudyObjects

_MOST_SHOWN = 50
_GIB = 1 << 30


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "score",
        help="compare every series below a folder with a bank",
        description="Compare every DICOM series, NIfTI file and image below a folder with a bank. "
        "Each file is accounted for in manifest.csv; a bad one never stops the run. What is known "
        "is never done twice: the same command goes on with a run that was interrupted.",
    )
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("--bank", metavar="BANK", required=True)
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
    parser.add_argument(
        "--sr",
        action="store_true",
        help="also write each answer as DICOM for the archive, into dicom/ of --out: a structured "
        "report and a picture, filed under the patient and study of the series",
    )
    add_way_back(parser)  # with it, --sr is meant
    parser.add_argument(
        "--pseudonymise",
        metavar="KEYFILE",
        type=Path,
        help="name patients, studies and files in --out by pseudonyms under this key (at least 32 "
        "bytes, mode 600); the objects of --sr are not filed under the study then",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --out, and refuse to begin another one",
    )
    parser.add_argument("--shard", metavar="I/N", help="score the I-th of N shares of the folder")
    add_watch(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be compared")
    _add_limits(parser)
    add_runtime(parser, default="auto")
    parser.add_argument("--log-json", metavar="FILE", help="one JSON line per event (- for stderr)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-seconds",
        type=float,
        default=30.0,
        help="to read one series, and 1 more for each of its files (default 30)",
    )
    parser.add_argument(
        "--max-memory", type=float, default=4.0, help="of each process that reads, GiB (default 4)"
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that read (default: cores + 2)"
    )


def run(args: argparse.Namespace) -> int:
    from medsiam import ReferenceBank
    from medsiam.errors import NothingToDoError
    from medsiam.reports import check_can_write_dicom
    from medsiam.scans import index_folder
    from medsiam.scoring import Limits, Shard, unreadable

    limits = Limits(args.max_seconds, int(args.max_memory * _GIB), args.workers)
    shard = None if args.shard is None else Shard.parse(args.shard)
    if args.watch:
        check_watch(args)
    destination = chosen_destination(args)
    pseudonyms = _pseudonyms(args)
    bank = ReferenceBank.open(args.bank, runtime=args.runtime)
    if args.watch:
        return watch(args, bank, limits, destination, pseudonyms)
    index = index_folder(args.folder)
    if not index.sources and not unreadable(index):
        raise NothingToDoError(
            f"{args.folder}: no DICOM series, NIfTI file or image in {len(index.skipped)} files; "
            "`medsiam info` says what each of them is"
        )
    if args.sr or destination is not None:
        check_can_write_dicom()
    if args.dry_run:
        return _dry_run(args, index, bank, shard)
    return _score(args, index, bank, limits, shard, destination, pseudonyms)


def _pseudonyms(args: argparse.Namespace) -> Pseudonyms | None:
    if args.pseudonymise is None:
        return None
    from medsiam.reports import Pseudonyms, read_key

    return Pseudonyms(read_key(args.pseudonymise, outside=(args.folder, args.out)))


def _dry_run(
    args: argparse.Namespace, index: FolderIndex, bank: ReferenceBank, shard: Shard | None
) -> int:
    from medsiam.scans import ScanSource
    from medsiam.scoring import named_series, why_skipped

    rows: list[dict[str, Any]] = []
    for named in named_series(index, bank):
        found = named.found
        if shard is not None and not shard.holds(named.name):
            continue
        row: dict[str, Any] = {"series": named.name, "path": str(found.path)}
        if isinstance(found, ScanSource):
            reason = why_skipped(found, bank)
            said = None if reason is None else reason[1]
            row |= {"kind": found.kind, "n_files": len(found.files), "skipped_because": said}
        else:
            row |= {"kind": None, "n_files": 1, "skipped_because": found.reason}
        rows.append(row)
    if args.json:
        print_json(rows)
    else:
        shown = [(*list(row.values())[:-1], row["skipped_because"] or "compared") for row in rows]
        table("Would be", ("series", "path", "kind", "files", ""), shown)
    return 0 if any(row["skipped_because"] is None for row in rows) else 3


def _score(
    args: argparse.Namespace,
    index: FolderIndex,
    bank: ReferenceBank,
    limits: Limits,
    shard: Shard | None,
    destination: Destination | None,
    pseudonyms: Pseudonyms | None,
) -> int:
    from medsiam.errors import StoppedError
    from medsiam.scoring import Question, StudyObjects, named_series, run_scoring

    question = Question(args.k, args.metric, args.rule, args.allow_resample)
    series = named_series(index, bank)
    with_objects = args.sr or destination is not None
    extras = [StudyObjects(args.out, bank, pseudonyms)] if with_objects else []
    names = [one.name for one in series]
    total = len(names) if shard is None else sum(map(shard.holds, names))
    watched = _Watched()
    delivered = None
    with score_log(args.log_json) as log, ExitStack() as held:
        delivery = _delivery(args.out, destination, held)
        log.event("started", series=total, shard=args.shard)
        try:
            with progress("comparing", total) as advance:

                def seen(part: Part, known: bool) -> None:
                    watched.add(part)
                    if delivery is not None and part.outcome == "scored":
                        delivery.add(part.series)
                    tell_of_series(log, part, known)
                    advance()

                counts = run_scoring(
                    index,
                    bank,
                    args.out,
                    question,
                    limits=limits,
                    shard=shard,
                    resume=args.resume,
                    reports=args.reports,
                    extras=extras,
                    pseudonyms=pseudonyms,
                    seen=seen,
                )
            if delivery is not None:
                delivered = _deliver(delivery, log)
        except KeyboardInterrupt:
            raise StoppedError(
                f"interrupted; {watched.n} of {total} series are kept in {args.out}, and the same "
                "command with --resume goes on"
            ) from None
        code = _exit_code(counts.outcomes, delivered)
        log.event("ended", exit_code=code, counts=dict(counts.outcomes), new=counts.n_new)
    if args.json:
        print_json(_document(args, counts, watched, delivered))
    else:
        watched.show()
    _say(counts, args.out)
    for objects in extras:
        _say_pseudonymous(objects, destination, pseudonyms)
    if destination is not None and delivered is not None:
        _say_delivered(delivered, destination, args.out)
    return code


def _delivery(out: Path, destination: Destination | None, held: ExitStack) -> Delivery | None:
    """What sends, for as long as `held` is; None where nothing is sent."""
    if destination is None:
        return None
    from medsiam.pacs import Delivery

    return held.enter_context(Delivery(out, destination))


def _deliver(delivery: Delivery, log: ScoreLog) -> Delivered:
    if delivery.waiting:
        notice(f"scored; {delivery.waiting} objects are still to be sent")
    done = delivery.finish()
    log.event("delivered", sent=done.sent, waiting=done.waiting, refused=done.refused)
    return done


def _say_pseudonymous(
    objects: StudyObjects, destination: Destination | None, pseudonyms: Pseudonyms | None
) -> None:
    if pseudonyms is None:
        return
    if objects.n_withheld:
        notice(
            f"{objects.n_withheld} series have a report without a picture: their own pictures may "
            "show the patient's name, which pseudonyms cannot hide"
        )
    if destination is not None:
        notice(f"{destination.name} files them under pseudonyms, not under the original studies")


def _say_delivered(done: Delivered, destination: Destination, out: Path) -> None:
    notice(f"{done.sent} objects sent to {destination.name}")
    if done.waiting:
        why = f" ({done.reason})" if done.reason else ""
        notice(
            f"{done.waiting} objects were not taken{why}; they wait in {out / 'outbox'}, and the "
            "same command sends them"
        )
    if done.refused:
        why = f" ({done.reason})" if done.reason and not done.waiting else ""
        notice(
            f"{done.refused} objects were refused for good{why}; they lie in "
            f"{out / 'outbox' / 'refused'}; what you remove from there is sent anew"
        )


def _exit_code(outcomes: Mapping[Any, int], delivered: Delivered | None) -> int:
    if outcomes.get("failed") and not outcomes.get("scored"):
        return 5
    if outcomes.get("failed") or not (delivered is None or delivered.is_complete):
        return 4
    return 0 if outcomes.get("scored") else 3


class _Watched:
    """What is shown at the end, by the name of the series."""

    def __init__(self) -> None:
        self.places: list[tuple[int, str]] = []
        self._rows: list[tuple[int, tuple[object, ...]]] = []
        self._remarks: list[Remark] = []

    @property
    def n(self) -> int:
        """Series so far."""
        return len(self.places)

    def add(self, part: Part) -> None:
        self.places.append((part.place, part.series))
        if part.comparison is None:
            why = part.code if part.outcome == "failed" else part.message
            row: tuple[object, ...] = (part.series, part.outcome, why, None)
        else:
            best = part.comparison["conditions"][0]
            verdict = part.comparison["verdict"]["outcome"]
            row = (part.series, verdict, best["condition"], best["distance"])
            warnings = part.comparison["query"]["warnings"]
            self._remarks += [Remark("note", part.series, said) for said in warnings]
        self._rows.append((part.place, row))

    def show(self) -> None:
        rows = [row for _, row in sorted(self._rows, key=lambda pair: pair[0])]
        names = ("series", "verdict", "nearest condition, or why not", "distance")
        title = "Series" if len(rows) <= _MOST_SHOWN else f"The first {_MOST_SHOWN} series"
        table(title, names, rows[:_MOST_SHOWN])
        print_remarks(self._remarks)


def _say(counts: RunCounts, out: Path) -> None:
    said = ", ".join(f"{counts.outcomes.get(w, 0)} {w}" for w in ("scored", "skipped", "failed"))
    known = sum(counts.outcomes.values()) - counts.n_new
    again = f"; {known} of them were known already, {counts.n_new} are new" if known else ""
    if known and not counts.n_new:
        again = "; all of them were known already, so nothing was done again"
    notice(f"{said}{again}; {counts.n_foreign} other files; results in {out}")


def _document(
    args: argparse.Namespace, counts: RunCounts, watched: _Watched, delivered: Delivered | None
) -> dict[str, Any]:
    from dataclasses import asdict

    from medsiam.scoring import read_part

    series = []
    for _, name in sorted(watched.places):
        part = read_part(args.out, name)
        assert part is not None  # it was written a moment ago
        entry: dict[str, Any] = {"series": name, "outcome": part.outcome}
        if part.comparison is None:
            entry |= {"code": part.code, "message": part.message}
        else:
            entry["comparison"] = part.comparison
        series.append(entry)
    sent = {} if delivered is None else {"delivered": asdict(delivered)}
    return {
        "folder": str(args.folder),
        "out": str(args.out),
        "counts": {word: counts.outcomes.get(word, 0) for word in ("scored", "skipped", "failed")},
        "new": counts.n_new,
        "other_files": counts.n_foreign,
        "series": series,
        **sent,
    }
