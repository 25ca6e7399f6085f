"""`medsiam bank versions`, `diff` and `restore`: what changed, and the way back."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsiam.bank import Case, Difference, ReferenceBank


def add_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three actions to those of `medsiam bank`."""
    _add_versions(actions)
    _add_diff(actions)
    _add_restore(actions)


def _add_versions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("versions", help="list every change: who, when, what and why")
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=_versions)


def _add_diff(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser("diff", help="which cases came and went between two versions")
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("older", metavar="A", type=int, help="number of a version")
    parser.add_argument("newer", metavar="B", type=int, help="number of another version")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=_diff)


def _add_restore(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "restore", help="go back to the cases of an older version, as a new version"
    )
    parser.add_argument("bank", metavar="BANK")
    parser.add_argument("version", metavar="N", type=int, help="number of the older version")
    add_who_and_why(parser)
    parser.set_defaults(run=_restore)


def add_who_and_why(parser: argparse.ArgumentParser) -> None:
    """Add what every change of a bank is signed with."""
    parser.add_argument("--who", help="who makes this change (default: your user name)")
    parser.add_argument("--why", help="why, for the list of versions")


def _versions(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_json, table

    bank = ReferenceBank.open(args.bank)
    versions = bank.versions
    if args.json:
        print_json(
            {
                "bank": str(bank.path),
                "name": bank.name,
                "version": versions[-1].number,
                "versions": [asdict(version) for version in versions],
            }
        )
    else:
        lines = [(v.number, v.created, v.who, v.what, v.why, v.n_cases) for v in versions]
        table("Versions", ("version", "when", "who", "what", "why", "cases"), lines)
    return 0


def _diff(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_json, print_text, table

    bank = ReferenceBank.open(args.bank)
    found = bank.diff(args.older, args.newer)
    if args.json:
        print_json(_document(bank, found))
        return 0
    lines = [
        *(_line("added", case) for case in found.added),
        *(_line("removed", case) for case in found.removed),
        *(_line("changed", after, _changes(before, after)) for before, after in found.changed),
    ]
    if lines:
        table("Differences", ("", "case", "condition", "patient", "what changed"), lines)
    print_text(
        f"from version {found.older} to {found.newer} of bank {bank.name}: {len(found.added)} "
        f"added, {len(found.removed)} removed, {len(found.changed)} changed (removed and added "
        "again under the same case_id)"
    )
    return 0


def _restore(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_text

    bank = ReferenceBank.open(args.bank)
    before = bank.version
    number = bank.restore(args.version, who=args.who, why=args.why)
    if number == before:
        print_text(f"bank {bank.name} holds the cases of version {args.version} already")
    else:
        print_text(
            f"bank {bank.name} is now version {number}, with the {len(bank.cases)} cases of "
            f"version {args.version}; every older version stays"
        )
    return 0


def _line(what: str, case: Case, changes: str | None = None) -> tuple[str | None, ...]:
    return what, case.case_id, case.condition, case.patient, changes


def _changes(before: Case, after: Case) -> str:
    """Name the fields in which a case that came back differs from what it was."""
    old, new = asdict(before), asdict(after)
    return ", ".join(name for name in old if old[name] != new[name])


def _document(bank: ReferenceBank, found: Difference) -> dict[str, Any]:
    return {
        "bank": str(bank.path),
        "name": bank.name,
        "older": found.older,
        "newer": found.newer,
        "added": [asdict(case) for case in found.added],
        "removed": [asdict(case) for case in found.removed],
        "changed": [
            {"before": asdict(before), "after": asdict(after)} for before, after in found.changed
        ],
    }
