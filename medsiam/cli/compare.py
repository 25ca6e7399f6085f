"""`medsiam compare`: one scan against a bank."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.cli.compare_maps import add_options, check_can_explain, write_maps
from medsiam.cli.runtime import add_runtime
from medsiam.cli.terminal import notice, print_json, print_text, table
from medsiam.errors import UsageError

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import Comparison, PoolDistance
    from medsiam.scans import Scan

_PAGES = (".html", ".htm", ".pdf")


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
    parser.add_argument("--bank", metavar="BANK", required=True)
    parser.add_argument("-k", type=int, default=5, help="matches to list (default 5)")
    parser.add_argument(
        "--metric",
        help="euclidean, cosine, mahalanobis, or match for an encoder with a twin head (default: "
        "what the bank's calibration recommends, else cosine)",
    )
    parser.add_argument(
        "--rule",
        help="what ranks the conditions: nearest, vote, prototype, or combined in a calibrated "
        "bank (default: what the calibration recommends, else nearest)",
    )
    parser.add_argument(
        "--level",
        type=float,
        default=0.9,
        help="how often the set of conditions is to hold the true one (default 0.9)",
    )
    parser.add_argument(
        "--normal",
        metavar="CONDITION",
        help="also measure the distance to all patients of this condition, as a severity",
    )
    parser.add_argument(
        "--earlier",
        metavar="SCAN",
        type=Path,
        help="with --normal: an earlier scan of the same patient, to say what has changed",
    )
    parser.add_argument(
        "--version", type=int, metavar="N", help="of the bank (default: the newest)"
    )
    parser.add_argument(
        "--calibration",
        type=int,
        metavar="N",
        help="number of the calibration to use, 0 for none (default: the newest that was fitted "
        "on this version of the bank or an earlier one)",
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
        "--report",
        metavar="PAGE",
        type=Path,
        help="write a page with pictures: PAGE.html, or PAGE.pdf for one sheet of A4",
    )
    add_options(parser)
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write one row per match")
    parser.add_argument(
        "--sr",
        metavar="DIR",
        type=Path,
        help="write the answer as DICOM for the archive: a structured report and a picture, filed "
        "under the query's patient and study (needs a query in DICOM)",
    )
    add_runtime(parser, default="torch")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import compare
    from medsiam.reports import (
        check_can_write_dicom,
        comparison_document,
        write_csv,
        write_dicom_results,
    )
    from medsiam.scans import read_scan

    if args.report is not None and args.report.suffix.lower() not in _PAGES:
        raise UsageError(f"--report {args.report.name}: a page ends in {' or '.join(_PAGES)}")
    bank = ReferenceBank.open(args.bank, runtime=args.runtime)
    check_can_explain(args, bank)
    if args.sr is not None:
        check_can_write_dicom()
    scans = [read_scan(path, allow_resample=args.allow_resample) for path in args.scans]
    if args.earlier is not None and args.normal is None:
        raise UsageError("--earlier needs --normal CONDITION, the pool that both are held against")
    comparison = compare(
        scans,
        bank,
        k=args.k,
        metric=args.metric,
        rule=args.rule,
        level=args.level,
        patient_id=args.patient_id,
        version=args.version,
        calibration=args.calibration,
    )
    if args.normal is not None:
        comparison = replace(comparison, normal_pool=_pool(args, scans, bank, comparison.metric))
    if len(comparison.matches) < args.k:
        n = len(comparison.matches)
        notice(f"medsiam: k = {args.k}, but only {n} patients can be compared")
    if args.json:
        print_json(comparison_document(comparison))
    else:
        _show(comparison)
    if args.csv is not None:
        write_csv(comparison, args.csv)
        notice(f"rows written to {args.csv}")
    if args.sr is not None:
        written = write_dicom_results(comparison, scans, bank, args.sr)
        notice(f"DICOM results written: {written.report} (SR), {written.panel} (picture)")
    maps = None if args.explain is None else write_maps(args.explain, comparison, scans, bank)
    if args.report is not None:
        _write_page(args.report, comparison, scans, bank, maps)
        notice(f"page written to {args.report}")
    return 0


def _write_page(
    path: Path,
    comparison: Comparison,
    scans: list[Scan],
    bank: ReferenceBank,
    maps: Mapping[str, Sequence[bytes]] | None,
) -> None:
    from medsiam.reports import write_page, write_pdf

    if path.suffix.lower() == ".pdf":
        write_pdf(comparison, scans, bank, path)
    else:
        write_page(comparison, scans, bank, path, maps=maps)


def _pool(
    args: argparse.Namespace, scans: list[Scan], bank: ReferenceBank, metric: str
) -> PoolDistance:
    from medsiam.comparison import pool_distance
    from medsiam.scans import read_scan

    before = []
    if args.earlier is not None:
        before = [read_scan(args.earlier, allow_resample=args.allow_resample)]
    return pool_distance(
        bank.encoder.embed(scans),
        bank,
        args.normal,
        scans=scans,
        metric=metric,
        patient_id=args.patient_id or scans[0].patient_id,
        earlier=bank.encoder.embed(before) if before else None,
        earlier_scans=before,
        version=args.version,
    )


def _show(comparison: Comparison) -> None:
    from medsiam.comparison import in_digits, probability_words

    print_text(comparison.verdict.text)
    _show_conditions(comparison)
    to_matches = in_digits(*(match.distance for match in comparison.matches))
    table(
        f"Nearest patients ({comparison.metric} distance, lower is closer)",
        ("", "nearest case", "condition", "distance", "same condition", "patient (hash)", "more"),
        [
            (
                match.rank,
                match.case_id,
                match.condition,
                distance,
                probability_words(match.probability),
                match.patient,
                _more(match.n_further_cases),
            )
            for match, distance in zip(comparison.matches, to_matches, strict=True)
        ],
    )
    if comparison.probability_reason:
        print_text(f"No probability: {comparison.probability_reason}.")
    if comparison.normal_pool is not None:
        print_text(comparison.normal_pool.text)
    for note in (*comparison.query.warnings, *comparison.notes):
        print_text(f"Note: {note}")
    print_text(
        f"Bank {comparison.bank_name}, version {comparison.bank_version}, "
        f"{comparison.n_cases} cases; encoder {comparison.encoder_name} "
        f"({comparison.encoder_fingerprint[:12]}); {_calibration(comparison)}"
    )


def _show_conditions(comparison: Comparison) -> None:
    """The ranked conditions, with the distance that ranks them first."""
    from medsiam.comparison import in_digits, probability_words

    ranking = {
        "combined": ("combined distance", [c.judged_distance for c in comparison.conditions]),
        "prototype": ("prototype distance", [c.prototype_distance for c in comparison.conditions]),
    }
    name, distances = ranking.get(comparison.rule, ("", []))
    columns = [name] if name else []
    ranked_by = [[said] for said in in_digits(*distances)] or [[] for _ in comparison.conditions]
    nearest = in_digits(*(entry.distance for entry in comparison.conditions))
    table(
        f"Conditions, ranked by {comparison.rule}",
        ("", "condition", "probability", *columns, "nearest", "nearest case", "votes", "patients"),
        [
            (
                entry.rank,
                entry.condition,
                probability_words(entry.probability),
                *by,
                distance,
                entry.nearest_case_id,
                f"{entry.votes:.0%}",
                entry.n_patients,
            )
            for entry, by, distance in zip(comparison.conditions, ranked_by, nearest, strict=True)
        ],
    )


def _calibration(comparison: Comparison) -> str:
    used = comparison.calibration
    return "no calibration" if used is None else f"calibration {used.number}"


def _more(n_further_cases: int) -> str:
    if not n_further_cases:
        return ""
    return "1 more case" if n_further_cases == 1 else f"{n_further_cases} more cases"
