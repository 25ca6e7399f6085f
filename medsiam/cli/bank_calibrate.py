"""`medsiam bank calibrate`: what the distances of a bank mean."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medsiam.comparison import Calibration


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to those of `medsiam bank`."""
    parser = actions.add_parser(
        "calibrate",
        help="measure what the distances of a bank mean, and keep it for comparisons",
        description="Ask every case of the bank without its own patient: which metric and rule "
        "name conditions best, which probability goes with a distance, and beyond which distance "
        "the answer is none of these. What was measured is kept in the bank; nothing is retrained.",
    )
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument(
        "--maps",
        metavar="N",
        type=int,
        help="also check on N pairs of cases (10 or more) whether similarity maps can be trusted; "
        "slow, and the bank must keep its scans",
    )
    parser.add_argument("--page", metavar="FILE.html", type=Path, help="write a page with plots")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--who", help="who calibrates (default: the user of this computer)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, keep, and say what was found."""
    import json
    from dataclasses import replace

    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import notice, print_json
    from medsiam.comparison import calibrate, check_bank_explanations
    from medsiam.reports import write_calibration_page

    bank = ReferenceBank.open(args.bank)
    # First, for it refuses more.
    checks = None if args.maps is None else check_bank_explanations(bank, args.maps)
    found = replace(calibrate(bank), explanation=checks)
    kept = bank.keep_calibration(found.to_json(), bank_version=found.bank_version, who=args.who)
    if args.json:
        print_json({"number": kept.number, **json.loads(found.to_json())})
    else:
        _show(found, kept.number, bank.name)
    if args.page is not None:
        write_calibration_page(found, bank.name, args.page)
        notice(f"page written to {args.page}")
    return 0


def _show(found: Calibration, number: int, bank_name: str) -> None:
    from medsiam.cli.terminal import print_text, table
    from medsiam.reports import calibration_rows, calibration_sentences

    header, rows = calibration_rows(found)
    table(
        f"Bank {bank_name}, version {found.bank_version}: each case without its own patient",
        header,
        rows,
    )
    for sentence in calibration_sentences(found):
        print_text(sentence)
    print_text(f"Kept as calibration {number}; `medsiam compare` uses it from now on.")
