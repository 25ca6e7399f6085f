"""`medsiam listen`: receive series from a PACS, compare them, send the results back."""

from __future__ import annotations

import argparse
import ipaddress
import os
from pathlib import Path

from medsiam.cli.runtime import add_runtime
from medsiam.cli.terminal import notice
from medsiam.cli.way_back import add_way_back, chosen_destination
from medsiam.errors import UsageError

_RULES = ("nearest", "vote", "prototype", "combined")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "listen",
        help="receive series from a PACS and send the answers back",
        description="A DICOM C-STORE receiver: a series that has become quiet is compared with the "
        "bank; a structured report and a picture go to --out, and back to the archive. See "
        "docs/pacs.md. Ends with Ctrl-C or SIGTERM, and goes on where it was when started again.",
    )
    parser.add_argument("--bank", metavar="BANK", required=True)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="what was received, and the results"
    )
    parser.add_argument("--port", type=int, default=11112, help="to listen on (default 11112)")
    parser.add_argument(
        "--address",
        default="127.0.0.1",
        help="to listen on (default 127.0.0.1; any other one needs --allow-aet)",
    )
    parser.add_argument(
        "--allow-aet",
        metavar="AET",
        action="append",
        default=[],
        help="a sender's AE title; may be given several times (default on 127.0.0.1: anyone)",
    )
    add_way_back(parser)
    parser.add_argument(
        "--quiet-seconds",
        type=float,
        default=5.0,
        metavar="S",
        help="compare a series when nothing came for so long (default 5)",
    )
    parser.add_argument(
        "--keep-hours",
        type=float,
        default=24.0,
        metavar="H",
        help="delete a compared series when nothing came for so long (default 24)",
    )
    parser.add_argument("-k", type=int, default=5, help="matches to list (default 5)")
    parser.add_argument("--metric", help="as in `medsiam compare`")
    parser.add_argument("--rule", choices=_RULES, help="as in `medsiam compare`")
    parser.add_argument(
        "--allow-resample",
        action="store_true",
        help="fill gaps between slices by interpolation instead of refusing; the answer says so",
    )
    add_runtime(parser, default="auto")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import COMPARISON_METRICS
    from medsiam.pacs import Listener, ReceiverSettings, check_ae_title, check_port
    from medsiam.reports import check_can_write_dicom

    check_can_write_dicom()
    if args.quiet_seconds < 0 or args.keep_hours < 0:
        raise UsageError("--quiet-seconds and --keep-hours cannot be negative")
    if args.metric is not None and args.metric not in COMPARISON_METRICS:
        raise UsageError(f"--metric {args.metric}: choose one of {', '.join(COMPARISON_METRICS)}")
    allowed = tuple(check_ae_title(title) for title in args.allow_aet)
    if not allowed and not _is_loopback(args.address):
        raise UsageError(
            f"--address {args.address} lets other computers in; name those that may send with "
            "--allow-aet AET"
        )
    settings = ReceiverSettings(
        folder=args.out,
        ae_title=check_ae_title(args.aet),
        address=args.address,
        port=check_port(args.port),
        allowed=allowed,
    )
    destination = chosen_destination(args)
    bank = ReferenceBank.open(args.bank, runtime=args.runtime)
    os.umask(0o077)  # everything written here is of patients
    listener = Listener(
        bank,
        settings,
        say=notice,
        quiet_seconds=args.quiet_seconds,
        keep_hours=args.keep_hours,
        destination=destination,
        scoring={
            "k": args.k,
            "metric": args.metric,
            "rule": args.rule,
            "allow_resample": args.allow_resample,
        },
    )
    who = ", ".join(allowed) or "anyone on this computer"
    where = "kept in --out" if destination is None else f"sent to {destination.name}"
    listener.run(
        started=lambda: notice(
            f"{settings.ae_title} listens on {settings.address}, port {settings.port}, for {who}; "
            f"results are {where}"
        )
    )
    return 0


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
