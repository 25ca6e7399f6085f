"""`medsiam bank audit`: what a bank is worth, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice, print_json, print_text, progress, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medsiam.bank import ReferenceBank, Snapshot
    from medsiam.evaluation import BankAudit

_METRICS = ("cosine", "euclidean", "mahalanobis")
_MOST_SHOWN = 20  # conditions, and labels that fit least, in a table


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to those of `medsiam bank`."""
    parser = actions.add_parser(
        "audit",
        help="say what a bank is worth and what seems wrong with it",
        description="Accuracy with each patient left out, near duplicates, labels that do not fit, "
        "hubs and orphans, shortcuts through source or scanner, missing proof, and how many more "
        "patients would help. It reads the bank's embeddings and changes nothing.",
    )
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("--version", type=int, metavar="N", help="of the bank (default: newest)")
    parser.add_argument(
        "--metric",
        choices=_METRICS,
        help="distance (default: what the bank's calibration recommends, else cosine)",
    )
    parser.add_argument(
        "--reidentify",
        action="store_true",
        help="also measure how well the embeddings betray the patient, and the kept scans' pixels "
        "beside them",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="also write audit.html and .json")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Audit, whatever is found: 0."""
    from medsiam.bank import ReferenceBank
    from medsiam.evaluation import (
        audit_bank,
        audit_document,
        audit_metric,
        audit_page,
        audit_steps,
    )

    bank = ReferenceBank.open(args.bank)
    snapshot = bank.snapshot(args.version)
    metric = args.metric or audit_metric(bank)
    pixels = _pixels(bank, snapshot) if args.reidentify else None
    with progress("examining", audit_steps(snapshot, metric=metric)) as advance:
        audit = audit_bank(
            snapshot, metric=metric, reidentify=args.reidentify, pixels=pixels, advance=advance
        )
    document = {"bank": str(bank.path), "name": bank.name, **audit_document(audit)}
    card = bank.encoder_card
    document["encoder"] = {"name": card.name, "fingerprint": card.fingerprint}
    if args.out:
        _write(args.out, document, audit_page(audit, snapshot, name=bank.name))
    if args.json:
        print_json(document)
    else:
        _show(bank, audit)
    if args.out:
        notice(f"written: {args.out / 'audit.html'}, and audit.json beside it")
    return 0


def _pixels(bank: ReferenceBank, snapshot: Snapshot) -> NDArray[np.float32] | None:
    """(n, n_phases * p) vectors of the kept scans; None where not all of them are kept."""
    import numpy as np

    from medsiam.encoders import pixel_embeddings
    from medsiam.errors import BankError

    rows = []
    with progress("kept scans", len(snapshot.cases)) as advance:
        for case in snapshot.cases:
            try:
                scans = bank.scans(case.case_id)
            except BankError as error:
                notice(f"pixels are not measured: {error}")
                return None
            rows.append(pixel_embeddings(scans).ravel())
            advance()
    return np.stack(rows) if rows else None


def _write(folder: Path, document: dict[str, Any], page: str) -> None:
    from medsiam.writing import write_atomically

    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / "audit.json", text + "\n")
    write_atomically(folder / "audit.html", page)


def _show(bank: ReferenceBank, audit: BankAudit) -> None:
    from medsiam.evaluation import list_findings

    print_text(
        f"bank {bank.name}, version {audit.version}: {audit.n_cases} cases of {audit.n_patients} "
        f"patients in {len(audit.conditions)} conditions; {audit.metric} distance"
    )
    for number, finding in enumerate(list_findings(audit), start=1):
        print_text(f"{number}. [{finding.severity}] {finding.text}.")
        print_text(f"   What to do: {finding.advice}.")
    _show_conflicts(audit)
    _show_accuracy(audit)
    print_text("How many more patients would help (gain: cases found less cases wrongly taken):")
    for curve in audit.learning_curves[:_MOST_SHOWN]:
        print_text(f"- {curve.text}")
    if len(audit.learning_curves) > _MOST_SHOWN:
        print_text(f"and {len(audit.learning_curves) - _MOST_SHOWN} more; --json gives all")
    print_text(audit.research_use)


def _show_conflicts(audit: BankAudit) -> None:
    rows = [
        (
            entry.rank,
            entry.case_id,
            entry.condition,
            entry.looks_like,
            f"{entry.n_own} and {entry.n_other}",
            "strong" if entry.strong else None,
        )
        for entry in audit.label_conflicts
    ]
    if not rows:
        return
    table(
        "Labels that fit least: look at these first, none is proven wrong",
        ("", "case", "labelled", "looks like", "of 5 nearest: own, other", "conflict"),
        rows[:_MOST_SHOWN],
    )
    if len(rows) > _MOST_SHOWN:
        print_text(f"and {len(rows) - _MOST_SHOWN} more; --json and the page of --out give all")


def _show_accuracy(audit: BankAudit) -> None:
    accuracy = audit.accuracy
    rows: list[tuple[object, ...]] = []
    for title, figures in (
        ("balanced", accuracy.balanced),
        ("every case the same", accuracy.plain),
    ):
        nearest = figures["nearest"]
        chance = f"{nearest.chance:.2f} ({nearest.majority:.2f})" if nearest else None
        rows.append((title, audit.n_cases, audit.n_patients, *map(_cell, figures.values()), chance))
    for entry in accuracy.conditions[:_MOST_SHOWN]:
        nearest = entry.by_rule["nearest"]
        chance = f"{nearest.chance:.2f}" if nearest else None
        cells = map(_cell, entry.by_rule.values())
        rows.append((entry.condition, entry.n_cases, entry.n_patients, *cells, chance))
    table(
        "Found with the patient left out [95 % interval over patients]",
        ("", "cases", "patients", "nearest", "vote of 5", "prototype", "chance (majority)"),
        rows,
    )


def _cell(figure: Any) -> str | None:
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]" if figure else None
