"""`medsiam verify`: do two scans show the same condition?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.runtime import add_runtime
from medsiam.cli.terminal import notice, print_json, print_text

if TYPE_CHECKING:
    from medsiam.comparison import PairVerification, QueryFacts

SCHEMA_VERSION = 1


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "verify",
        help="compare two scans: same condition or not",
        description="Compare two scans: their distance (lower is closer), the encoder's threshold, "
        "and the probability that both show the same condition.",
    )
    parser.add_argument("scan_a", metavar="SCAN_A", type=Path, help="image, NIfTI, DICOM or folder")
    parser.add_argument("scan_b", metavar="SCAN_B", type=Path, help="the other one")
    parser.add_argument(
        "--encoder", required=True, metavar="E", help="encoder folder, or default-2d or default-3d"
    )
    add_runtime(parser, default="torch")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.comparison import verify
    from medsiam.encoders import load_encoder
    from medsiam.scans import read_scan

    encoder = load_encoder(args.encoder, runtime=args.runtime)
    result = verify(read_scan(args.scan_a), read_scan(args.scan_b), encoder)
    for text in result.notes:
        notice(f"warning: {text}")
    if args.json:
        print_json(_document(result))
    else:
        _show(result)
    return 0


def _show(result: PairVerification) -> None:
    print_text(result.text)
    if result.probability_reason and result.probability_reason != result.reason:
        print_text(f"No probability: {result.probability_reason}.")
    if result.threshold is not None:
        print_text(
            f"Threshold from {result.n_pairs} pairs of {result.n_subjects} subjects, "
            f"{result.measured_on}."
        )
    for text in (*result.scan_a.warnings, *result.scan_b.warnings):
        print_text(f"Note: {text}")
    print_text(
        f"{result.metric} distance; encoder {result.encoder_name} "
        f"({result.encoder_fingerprint[:12]})"
    )
    print_text(result.research_use)


def _document(result: PairVerification) -> dict[str, Any]:
    """The JSON form, documented in docs/verification.md; it only ever grows."""
    fields = dict(vars(result))
    return {
        "schema_version": SCHEMA_VERSION,
        "scan_a": _scan(fields.pop("scan_a")),
        "scan_b": _scan(fields.pop("scan_b")),
        **fields,
        "notes": list(result.notes),
        "text": result.text,
    }


def _scan(facts: QueryFacts) -> dict[str, Any]:
    return {
        "name": facts.name,
        "sources": list(facts.sources),
        "content_hash": facts.content_hashes[0],
        "modality": facts.modality,
        "warnings": list(facts.warnings),
    }
