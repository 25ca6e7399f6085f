"""`medsiam compare --explain DIR`: maps of where the similarity of query and matches comes from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.comparison import Comparison, ExplanationChecks, Match, PairedExplanation
    from medsiam.scans import Scan

FACTS = "explanation.json"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `compare` that ask for maps."""
    parser.add_argument(
        "--explain",
        metavar="DIR",
        type=Path,
        help="write maps, on the query and on its first matches, of where their similarity comes "
        "from (PNG and NIfTI); the bank must keep its scans",
    )
    parser.add_argument(
        "--explain-matches",
        metavar="N",
        type=int,
        default=3,
        help="matches to explain (default 3)",
    )


def write_maps(
    args: argparse.Namespace,
    comparison: Comparison,
    scans: Sequence[Scan],
    bank: ReferenceBank,
    *,
    checks: ExplanationChecks | None = None,
) -> None:
    """Write the maps that were asked for, and `explanation.json`, which lists them.

    Each match has a picture and a map for the query and for the case, per phase where a case has
    several scans. Where no map can be shown, the file and a notice say why.

    Args:
        args: with `explain` and `explain_matches`.
        comparison: of the query with the bank.
        scans: the query's, in phase order.
        bank: that holds the matches.
        checks: of the bank's encoder; None: not checked.
    """
    from medsiam.comparison import RESEARCH_USE

    folder: Path = args.explain
    entries, reason = [], None
    if checks is not None and not checks.passed:
        reason = checks.sentence
    else:
        for match in comparison.matches[: max(0, args.explain_matches)]:
            entries.append(_explain_match(folder, match, scans, bank, checks))
    document = {
        "research_use": RESEARCH_USE,
        "encoder_fingerprint": comparison.encoder_fingerprint,
        "bank_version": comparison.bank_version,
        "matches": entries,
        "reason": reason,
    }
    write_atomically(folder / FACTS, json.dumps(document, indent=2) + "\n")
    for said in dict.fromkeys([reason, *(entry["reason"] for entry in entries)]):
        if said is not None:
            notice(f"medsiam: {said}")
    notice(f"maps written to {folder}")


def _explain_match(
    folder: Path,
    match: Match,
    scans: Sequence[Scan],
    bank: ReferenceBank,
    checks: ExplanationChecks | None,
) -> dict[str, Any]:
    from medsiam.comparison import explain

    entry: dict[str, Any] = {"rank": match.rank, "case_id": match.case_id, "reason": None}
    entry["scans"] = []
    kept = bank.scans(match.case_id)
    if not kept:
        entry["reason"] = (
            f"no map for {match.case_id}: the bank keeps no scans, and a map needs both"
        )
    for phase, (query, reference) in enumerate(zip(scans, kept, strict=False), start=1):
        found = explain(query, reference, bank.encoder, checks=checks)
        name = f"match{match.rank}" + (f"_scan{phase}" if len(scans) > 1 else "")
        entry["scans"].append(_write_pair(folder, name, query, reference, found, match))
    return entry


def _write_pair(
    folder: Path,
    name: str,
    query: Scan,
    reference: Scan,
    found: PairedExplanation,
    match: Match,
) -> dict[str, Any]:
    from medsiam.reports import map_nifti, overlay_png

    sides = (
        ("query", query, found.query, f"Query, compared with {match.case_id}"),
        ("case", reference, found.match, f"{match.case_id}, compared with the query"),
    )
    files = {}
    for side, scan, shown, title in sides:
        files[side] = [f"{name}_{side}.png", f"{name}_{side}.nii.gz"]
        picture = overlay_png(scan, shown.values, title=title, trust=found.trust)
        write_atomically(folder / files[side][0], picture)
        write_atomically(folder / files[side][1], map_nifti(scan, shown.values))
    return {
        "cosine_distance": found.distance,
        "method": found.method,
        "trust": found.trust,
        "query_total": found.query.total,
        "case_total": found.match.total,
        "files": files,
    }
