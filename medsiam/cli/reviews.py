"""`medsiam reviews`: check and export what readers said."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.errors import BankError

if TYPE_CHECKING:
    from medsiam.bank import ChainCheck, ReferenceBank


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "reviews",
        help="check and export the readers' verdicts of a bank",
        description="A bank keeps what readers said about studies in the reading page. Each review "
        "hangs on the one before it, so that what was changed, moved or removed is found.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="check that no review was changed or removed")
    verify.add_argument("bank", metavar="BANK")
    verify.add_argument(
        "--head",
        metavar="DIGEST",
        help="a digest noted earlier, as exports and this command print it: finds even reviews "
        "that were computed anew as a whole",
    )
    verify.add_argument("--json", action="store_true", help="one JSON document on stdout")
    verify.set_defaults(run=_verify)
    export = actions.add_parser("export", help="write every review to a file")
    export.add_argument("bank", metavar="BANK")
    export.add_argument(
        "--out", required=True, metavar="FILE", type=Path, help="ends in .csv, .json or .jsonl"
    )
    export.add_argument("--json", action="store_true", help="one JSON document on stdout")
    export.set_defaults(run=_export)


def _verify(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_json

    bank = ReferenceBank.open(args.bank)
    check = bank.reviews.verify(args.head)
    if args.json:
        print_json(_document(bank, check, args.head))
    else:
        _show(bank, check)
    return 0 if check.sound else BankError.exit_code


def _document(bank: ReferenceBank, check: ChainCheck, noted: str | None) -> dict[str, object]:
    return {
        "bank": str(bank.path),
        "name": bank.name,
        "sound": check.sound,
        "n_reviews": check.n_reviews,
        "head": check.head,
        "faults": list(check.faults),
        "noted_head": noted,
        "n_until_noted": check.n_until_noted,
    }


def _show(bank: ReferenceBank, check: ChainCheck) -> None:
    from medsiam.cli.terminal import notice, print_text

    if not check.sound:
        for fault in check.faults:
            print_text(fault)
        notice(
            f"medsiam: the reviews of bank {bank.name} are not as they were kept; restore the bank "
            "from a copy, and ask who can write to it"
        )
        return
    print_text(f"bank {bank.name}: {_count(check.n_reviews)}, each as it was kept")
    if check.n_until_noted is not None:
        more = check.n_reviews - check.n_until_noted
        print_text(f"the noted head stands: {_count(check.n_until_noted)} until then, {more} since")
    print_text(f"head {check.head}")


def _export(args: argparse.Namespace) -> int:
    from medsiam.bank import ReferenceBank
    from medsiam.cli.terminal import print_json, print_text
    from medsiam.reports import write_reviews

    bank = ReferenceBank.open(args.bank)
    reviews = write_reviews(bank, args.out)
    head = reviews[-1].digest
    if args.json:
        said = {"bank": str(bank.path), "name": bank.name, "out": str(args.out)}
        print_json({**said, "n_reviews": len(reviews), "head": head})
    else:
        print_text(f"{_count(len(reviews))} of bank {bank.name} written to {args.out}")
        print_text(f"head {head}")
    return 0


def _count(n: int) -> str:
    return "1 review" if n == 1 else f"{n} reviews"
