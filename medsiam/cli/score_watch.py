"""`medsiam score --watch`: a growing folder is scored as series come."""

from __future__ import annotations

import argparse
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from medsiam.cli.score_log import score_log, tell_of_series
from medsiam.cli.terminal import notice
from medsiam.errors import StoppedError, UsageError

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.pacs import Destination
    from medsiam.reports import Pseudonyms
    from medsiam.scoring import Limits, Part

_QUIET_SECONDS = 10.0
_REFUSED = {
    "shard": "--shard: several watchers of one --out share the work by themselves",
    "dry_run": "--dry-run: leave out --watch to see what would be compared now",
    "json": "--json: a watch has no end to print at; use --log-json",
}


def add_watch(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--watch",
        action="store_true",
        help="go on: score what comes into the folder until Ctrl-C or SIGTERM; several watchers "
        "with the same --out share the work",
    )
    parser.add_argument(
        "--quiet-seconds",
        type=float,
        metavar="S",
        help="with --watch: score a series when nothing of it changed for so long (default 10)",
    )


def check_watch(args: argparse.Namespace) -> None:
    """Refuse what makes no sense.

    Raises:
        UsageError: naming it.
    """
    for name, why in _REFUSED.items():
        if getattr(args, name):
            raise UsageError(f"--watch does not go with {why}")
    if args.quiet_seconds is not None and args.quiet_seconds < 0:
        raise UsageError("--quiet-seconds cannot be negative")


def watch(
    args: argparse.Namespace,
    bank: ReferenceBank,
    limits: Limits,
    destination: Destination | None,
    pseudonyms: Pseudonyms | None,
) -> int:
    """Run until somebody ends it; see `watch_folder`."""
    from medsiam.reports import check_can_write_dicom
    from medsiam.scoring import Question, StudyObjects, watch_folder

    with_objects = args.sr or destination is not None
    if with_objects:
        check_can_write_dicom()
    done: Counter[str] = Counter()
    with score_log(args.log_json) as log, ExitStack() as held:
        delivery = None
        if destination is not None:
            from medsiam.pacs import Delivery

            delivery = held.enter_context(Delivery(args.out, destination, shared=True, say=notice))
        log.event("started", watch=True)

        def seen(part: Part, known: bool) -> None:
            if delivery is not None and part.outcome == "scored":
                delivery.add(part.series)
            done["known" if known else part.outcome] += 1
            tell_of_series(log, part, known)

        def refreshed() -> None:
            if delivery is not None:
                delivery.start()
            log.event("refreshed", counts=dict(done))
            notice(f"{_said(done)}; results in {args.out} are up to date")

        try:
            watch_folder(
                args.folder,
                bank,
                args.out,
                Question(args.k, args.metric, args.rule, args.allow_resample),
                limits=limits,
                quiet_seconds=_QUIET_SECONDS if args.quiet_seconds is None else args.quiet_seconds,
                resume=args.resume,
                reports=args.reports,
                extras=[StudyObjects(args.out, bank, pseudonyms)] if with_objects else [],
                pseudonyms=pseudonyms,
                seen=seen,
                refreshed=refreshed,
                say=notice,
            )
        except KeyboardInterrupt:
            raise StoppedError(
                f"ended; {_said(done)}; all is kept in {args.out}, and the same command goes on"
            ) from None
    return 0


def _said(done: Counter[str]) -> str:
    said = ", ".join(f"{done[word]} {word}" for word in ("scored", "skipped", "failed"))
    return f"{said}, {done['known']} known already" if done["known"] else said
