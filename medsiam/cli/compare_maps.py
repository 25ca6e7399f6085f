"""`medsiam compare --explain DIR`: maps of where the similarity of query and matches comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice
from medsiam.errors import BankError
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import Comparison, Match, PairedExplanation
    from medsiam.scans import Scan

FACTS = "explanation.json"
_MATCHES = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `compare` that ask for maps."""
    parser.add_argument(
        "--explain",
        metavar="DIR",
        type=Path,
        help=f"write maps, on the query and on its first {_MATCHES} matches, of where their "
        "similarity comes from (PNG and NIfTI); the bank must keep its scans",
    )


def check_can_explain(args: argparse.Namespace, bank: ReferenceBank) -> None:
    """Refuse maps before any work where the bank cannot have them.

    Raises:
        BankError: maps were asked for, and the bank keeps no scans.
        EncoderError: maps were asked for, and its encoder has none.
    """
    if args.explain is None:
        return
    from medsiam.encoders import check_has_maps

    check_has_maps(bank.encoder_card)
    if not bank.keeps_pixels:
        raise BankError(
            f"--explain: bank {bank.name} keeps no scans (it was made with --no-pixels), and a map "
            "of a similarity needs both; compare without --explain, or fill a bank that keeps them"
        )


def write_maps(
    folder: Path, comparison: Comparison, scans: Sequence[Scan], bank: ReferenceBank
) -> dict[str, list[bytes]]:
    """Write maps of the first matches, and `explanation.json`, which lists them.

    Each match has a picture and a map for the query and for the case, per phase where a case has
    several scans. Where the bank's calibration found that its maps fail their checks, none is
    made: the file and a notice say why.

    Args:
        folder: to write to.
        comparison: of the query with the bank.
        scans: the query's, in phase order.
        bank: that holds the matches and keeps their scans.

    Returns:
        case_id -> its pictures (PNG), the query's and the case's in turn.
    """
    from medsiam.comparison import RESEARCH_USE, kept_checks

    checks = kept_checks(bank)
    entries: list[dict[str, Any]] = []
    pictures: dict[str, list[bytes]] = {}
    reason = None
    if checks is not None and not checks.passed:
        reason = checks.sentence
    else:
        for match in comparison.matches[:_MATCHES]:
            entry, pictures[match.case_id] = _explain_match(folder, match, scans, bank)
            entries.append(entry)
    document = {
        "research_use": RESEARCH_USE,
        "encoder_fingerprint": comparison.encoder_fingerprint,
        "bank_version": comparison.bank_version,
        "matches": entries,
        "reason": reason,
    }
    write_atomically(folder / FACTS, json.dumps(document, indent=2) + "\n")
    trust = {scan["trust"] for entry in entries for scan in entry["scans"]}
    for sentence in trust if reason is None else {reason}:
        notice(f"medsiam: {sentence}")
    notice(f"{'maps' if entries else 'the reason'} written to {folder}")
    return pictures


def _explain_match(
    folder: Path,
    match: Match,
    scans: Sequence[Scan],
    bank: ReferenceBank,
) -> tuple[dict[str, Any], list[bytes]]:
    from medsiam.comparison import explain_match

    pairs, pictures = [], []
    explained = explain_match(scans, match.case_id, bank)
    for phase, (query, kept, found) in enumerate(
        zip(scans, bank.scans(match.case_id), explained, strict=True), start=1
    ):
        name = f"match{match.rank}" + (f"_scan{phase}" if len(scans) > 1 else "")
        facts, shown = _write_pair(folder, name, query, kept, found, match)
        pairs.append(facts)
        pictures += shown
    return {"rank": match.rank, "case_id": match.case_id, "scans": pairs}, pictures


def _write_pair(
    folder: Path,
    name: str,
    query: Scan,
    kept: Scan,
    found: PairedExplanation,
    match: Match,
) -> tuple[dict[str, Any], list[bytes]]:
    from medsiam.reports import map_nifti, overlay_png

    sides = (
        ("query", query, found.query, f"Query, compared with {match.case_id}"),
        ("case", kept, found.match, f"{match.case_id}, compared with the query"),
    )
    files, pictures = {}, []
    for side, scan, shown, title in sides:
        files[side] = [f"{name}_{side}.png", f"{name}_{side}.nii.gz"]
        picture = overlay_png(
            scan, shown.values, title=title, trust=f"{found.explains} {found.trust}"
        )
        pictures.append(picture)
        write_atomically(folder / files[side][0], picture)
        write_atomically(folder / files[side][1], map_nifti(scan, shown.values))
    facts = {
        "cosine_distance": found.distance,
        "explained_similarity": found.query.explained,
        "explains": found.explains,
        "method": found.method,
        "trust": found.trust,
        "query_total": found.query.total,
        "case_total": found.match.total,
        "files": files,
    }
    return facts, pictures
