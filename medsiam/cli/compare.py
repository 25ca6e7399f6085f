"""`medsiam compare`: one scan against a bank."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.cli.terminal import notice, print_json, print_text, table

if TYPE_CHECKING:
    from medsiam.comparison import Comparison


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "compare",
        help="compare one scan with a bank",
        description="Compare one scan with the cases of a bank: ranked conditions and cases, each "
        "with its distance (lower is closer), and whether the scan is like none of them.",
    )
    parser.add_argument(
        "scans",
        metavar="SCAN",
        type=Path,
        nargs="+",
        help="image, NIfTI or DICOM file, or folder of one DICOM series; several are the phases "
        "of one case, in the bank's order",
    )
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("-k", type=int, default=5, help="matches to list (default 5)")
    parser.add_argument(
        "--metric", default="cosine", help="euclidean, cosine (default) or mahalanobis"
    )
    parser.add_argument(
        "--rule",
        default="nearest",
        help="what ranks the conditions: nearest (default), vote or prototype",
    )
    parser.add_argument(
        "--patient-id",
        metavar="P",
        help="the scan's patient, where the file does not say; his own cases never count",
    )
    parser.add_argument(
        "--allow-resample",
        action="store_true",
        help="fill gaps between slices by interpolation instead of refusing; the answer says so",
    )
    parser.add_argument(
        "--report", metavar="PAGE.html", type=Path, help="write a page with pictures"
    )
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write one row per match")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import compare
    from medsiam.reports import comparison_document, write_csv, write_page
    from medsiam.scans import read_scan

    bank = ReferenceBank.open(args.bank)
    scans = [read_scan(path, allow_resample=args.allow_resample) for path in args.scans]
    comparison = compare(
        scans, bank, k=args.k, metric=args.metric, rule=args.rule, patient_id=args.patient_id
    )
    if len(comparison.matches) < args.k:
        notice(f"medsiam: k = {args.k}, but only {len(comparison.matches)} cases can be compared")
    if args.json:
        print_json(comparison_document(comparison))
    else:
        _show(comparison)
    if args.csv is not None:
        write_csv(comparison, args.csv)
        notice(f"rows written to {args.csv}")
    if args.report is not None:
        write_page(comparison, scans, bank, args.report)
        notice(f"page written to {args.report}")
    return 0


def _show(comparison: Comparison) -> None:
    from medsiam.comparison import in_digits

    print_text(comparison.verdict.text)
    to_conditions = in_digits(*(entry.distance for entry in comparison.conditions))
    to_matches = in_digits(*(match.distance for match in comparison.matches))
    table(
        f"Conditions, ranked by {comparison.rule}",
        (
            "",
            "condition",
            "distance",
            "nearest case",
            "votes",
            "prototype share",
            "patients",
        ),
        [
            (
                entry.rank,
                entry.condition,
                distance,
                entry.nearest_case_id,
                f"{entry.votes:.0%}",
                f"{entry.prototype_share:.0%}",
                entry.n_patients,
            )
            for entry, distance in zip(comparison.conditions, to_conditions, strict=True)
        ],
    )
    table(
        f"Nearest cases ({comparison.metric} distance, lower is closer)",
        ("", "case", "condition", "distance", "patient (hash)"),
        [
            (match.rank, match.case_id, match.condition, distance, match.patient)
            for match, distance in zip(comparison.matches, to_matches, strict=True)
        ],
    )
    if comparison.probability_reason:
        print_text(f"No probability: {comparison.probability_reason}.")
    for note in (*comparison.query.warnings, *comparison.notes):
        print_text(f"Note: {note}")
    print_text(
        f"Bank {comparison.bank_name}, version {comparison.bank_version}, "
        f"{comparison.n_cases} cases; encoder {comparison.encoder_name} "
        f"({comparison.encoder_fingerprint[:12]})"
    )
