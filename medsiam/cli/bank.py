"""`medsiam bank`: make a reference bank, add and remove cases, list them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli import bank_audit, bank_calibrate, bank_copy, bank_versions
from medsiam.cli.bank_versions import add_who_and_why

if TYPE_CHECKING:
    from medsiam.bank import Case, Intake, ReferenceBank, Snapshot
    from medsiam.cases import CaseTable

_FEW_PATIENTS = 3
_FAILURES_SHOWN = 20
_COLUMNS = (
    "case",
    "condition",
    "patient",
    "proof",
    "licence",
    "modality",
    "site",
    "scanner",
    "acquired",
    "curator",
    "added",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its actions."""
    parser = commands.add_parser(
        "bank",
        help="make a reference bank, add and remove cases, list them",
        description="A bank holds reference cases, their embeddings, and a copy of the encoder "
        "that made them, in a folder or on a PostgreSQL server.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_create(actions)
    _add_add(actions)
    _add_remove(actions)
    _add_list(actions)
    bank_versions.add_actions(actions)
    bank_calibrate.add_action(actions)
    bank_audit.add_action(actions)
    bank_copy.add_action(actions)


def _add_create(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("create", help="make an empty bank for one encoder")
    parser.add_argument(
        "bank",
        metavar="BANK",
        help="folder of the new bank, or postgresql://USER@HOST/DATABASE/BANK",
    )
    parser.add_argument(
        "--encoder",
        required=True,
        metavar="E",
        help="folder of the encoder, or a shipped one: default-2d, default-3d, cardiac-cine, "
        "shape-3d",
    )
    parser.add_argument("--name", help="name for people (default: the folder's)")
    parser.add_argument(
        "--no-pixels",
        action="store_true",
        help="keep embeddings and facts only; no scan is kept, none can be shown",
    )
    add_who_and_why(parser)
    parser.set_defaults(run=_create)


def _add_add(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("add", help="add the cases of a table, as one new version")
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("--cases", required=True, type=Path, help="case table (CSV)")
    parser.add_argument(
        "--proof",
        help="how the diagnoses were proven, for rows whose column proof is empty: histology, "
        'genetics, follow-up, consensus, "expert opinion", "single reader" or none',
    )
    parser.add_argument(
        "--licence", help="licence or consent, for rows whose column licence is empty; or none"
    )
    parser.add_argument("--source", help="origin, for rows whose column source is empty")
    parser.add_argument(
        "--condition", action="append", help="only rows of this condition (may be repeated)"
    )
    parser.add_argument("--split", help="only rows of this split")
    parser.add_argument(
        "--confirm-burned-in",
        nargs="+",
        default=[],
        metavar="CASE_ID",
        help="cases whose header says that names, dates or a face are to be seen, and that you "
        "have looked at and found to show nobody; your name is kept in their records",
    )
    add_who_and_why(parser)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=_add)


def _add_remove(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("remove", help="remove cases; older versions keep them")
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("case_ids", metavar="CASE_ID", nargs="+")
    add_who_and_why(parser)
    parser.set_defaults(run=_remove)


def _add_list(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("list", help="list cases and conditions")
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=_list)


def _create(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_text
    from medsiam.encoders import load_encoder

    bank = ReferenceBank.create(
        args.bank,
        load_encoder(args.encoder),
        name=args.name,
        pixels=not args.no_pixels,
        who=args.who,
        why=args.why,
    )
    kept = "" if bank.keeps_pixels else "; it keeps embeddings only, no pixels"
    print_text(f"made bank {bank.name} in {bank.path} for encoder {bank.encoder_card.name}{kept}")
    return 0


def _add(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank, add_case_table
    from medsiam.cases import read_case_table
    from medsiam.cli.terminal import notice, print_json, progress

    bank = ReferenceBank.open(args.bank)
    table = read_case_table(args.cases)
    chosen = _choose(table, args.condition, args.split)
    with progress("adding", len(chosen.rows)) as advance:
        intake = add_case_table(
            bank,
            chosen,
            proof=args.proof,
            licence=args.licence,
            source=args.source,
            confirmed=args.confirm_burned_in,
            who=args.who,
            why=args.why,
            progress=advance,
        )
    for text in (*table.notices, *intake.notices):
        notice(text)
    if args.json:
        print_json(_intake_document(bank, intake))
    else:
        _print_intake(bank, intake)
    if not intake.failed:
        return 0
    return 4 if intake.added else 5


def _choose(table: CaseTable, conditions: Sequence[str] | None, split: str | None) -> CaseTable:
    """Return the table with only the rows that were asked for."""
    from medsiam.errors import NothingToDoError, UsageError

    known = sorted({row.condition for row in table.rows})
    for condition in conditions or ():
        if condition not in known:
            raise UsageError(
                f"{table.path} has no row of condition {condition!r}; it has {', '.join(known)}"
            )
    rows = tuple(
        row
        for row in table.rows
        if (not conditions or row.condition in conditions) and (not split or row.split == split)
    )
    if not rows:
        splits = sorted({row.split for row in table.rows if row.split})
        raise NothingToDoError(
            f"{table.path} has no row of split {split!r} that was asked for; "
            f"its splits are {', '.join(splits) or 'not given'}"
        )
    return replace(table, rows=rows)


def _remove(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_text

    bank = ReferenceBank.open(args.bank)
    version = bank.remove_many(args.case_ids, who=args.who, why=args.why)
    print_text(
        f"removed {', '.join(dict.fromkeys(args.case_ids))} from bank {bank.name}, "
        f"now version {version}; older versions keep it"
    )
    return 0


def _list(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_json, print_text, table

    bank = ReferenceBank.open(args.bank)
    snapshot = bank.snapshot()
    if args.json:
        print_json(_list_document(bank, snapshot))
    else:
        if snapshot.cases:
            _show_cases(snapshot.cases)
            counts = [tuple(entry.values()) for entry in _conditions(snapshot)]
            table("Conditions", ("condition", "cases", "patients"), counts)
        print_text(_headline(bank, snapshot))
    _warn_of_few_patients(snapshot)
    return 0


def _show_cases(cases: Sequence[Case]) -> None:
    """One row for each case; what is recorded for none of them is named instead of shown."""
    from medsiam.cli.terminal import print_text, table

    lines = [_case_line(case) for case in cases]
    filled = [i for i in range(len(_COLUMNS)) if any(line[i] for line in lines)]
    table("Cases", [_COLUMNS[i] for i in filled], [[line[i] for i in filled] for line in lines])
    if empty := [name for i, name in enumerate(_COLUMNS) if i not in filled]:
        print_text(f"Recorded for no case: {', '.join(empty)}.")


def _case_line(case: Case) -> tuple[str | None, ...]:
    return (
        case.case_id,
        case.condition,
        case.patient,
        case.proof,
        case.licence,
        case.modality,
        case.site,
        case.scanner,
        case.acquired,
        case.curator,
        case.added[:10],
    )


def _headline(bank: ReferenceBank, snapshot: Snapshot) -> str:
    card = bank.encoder_card
    return (
        f"bank {bank.name}, version {snapshot.version}: {_count(len(snapshot.cases), 'case')} of "
        f"{_count(len(snapshot.conditions), 'condition')}; encoder {card.name} "
        f"({card.fingerprint[:12]})" + ("" if bank.keeps_pixels else "; no pixels are kept")
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _conditions(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Count cases and patients per condition; a case without patient counts as one patient."""
    entries = []
    for condition in snapshot.conditions:
        cases = [case for case in snapshot.cases if case.condition == condition]
        patients = {case.patient or ("alone", case.case_id) for case in cases}
        entries.append({"condition": condition, "cases": len(cases), "patients": len(patients)})
    return entries


def _warn_of_few_patients(snapshot: Snapshot) -> None:
    from medsiam.cli.terminal import notice

    few = [entry for entry in _conditions(snapshot) if entry["patients"] < _FEW_PATIENTS]
    if few:
        named = ", ".join(f"{entry['condition']} ({entry['patients']})" for entry in few)
        notice(
            f"fewer than {_FEW_PATIENTS} patients, so that a match hangs on one or two of them: "
            f"{named}"
        )
    alone = sum(case.patient is None for case in snapshot.cases)
    if alone:
        notice(
            f"{_count(alone, 'case')} without patient or group: a scan of the same patient cannot "
            "be told from another's"
        )


def _list_document(bank: ReferenceBank, snapshot: Snapshot) -> dict[str, Any]:
    from dataclasses import asdict

    card = bank.encoder_card
    return {
        "bank": str(bank.path),
        "name": bank.name,
        "version": snapshot.version,
        "keeps_pixels": bank.keeps_pixels,
        "encoder": {"name": card.name, "fingerprint": card.fingerprint},
        "phases": list(snapshot.phases),
        "conditions": _conditions(snapshot),
        "cases": [asdict(case) for case in snapshot.cases],
    }


def _intake_document(bank: ReferenceBank, intake: Intake) -> dict[str, Any]:
    return {
        "bank": str(bank.path),
        "name": bank.name,
        "version": bank.version,
        "added": list(intake.added),
        "failed": [failure._asdict() for failure in intake.failed],
        "notices": list(intake.notices),
    }


def _print_intake(bank: ReferenceBank, intake: Intake) -> None:
    from medsiam.cli.terminal import notice, print_text

    for failure in intake.failed[:_FAILURES_SHOWN]:
        notice(f"failed: {failure.path} [{failure.code}] {failure.message}")
    if len(intake.failed) > _FAILURES_SHOWN:
        notice(f"and {len(intake.failed) - _FAILURES_SHOWN} more (all of them with --json)")
    rows = f", {_count(len(intake.failed), 'row')} failed" if intake.failed else ""
    print_text(f"added {_count(len(intake.added), 'case')}{rows}")
    snapshot = bank.snapshot()
    print_text(_headline(bank, snapshot))
    _warn_of_few_patients(snapshot)
