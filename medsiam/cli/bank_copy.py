"""`medsiam bank copy`: a whole bank from a folder to a server, back, or anywhere else."""

from __future__ import annotations

import argparse


def add_action(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the action to those of `medsiam bank`."""
    parser = actions.add_parser(
        "copy",
        help="copy a whole bank, between folders and PostgreSQL servers",
        description="Cases, versions, calibrations, reviews, encoder and kept scans are copied as "
        "they are; the two banks share nothing afterwards.",
    )
    parser.add_argument("bank", metavar="A", help="folder or address of the bank")
    parser.add_argument("copy", metavar="B", help="folder or address where nothing is yet")
    parser.set_defaults(run=_copy)


def _copy(args: argparse.Namespace) -> int:
    from medsiam.bank import copy_bank
    from medsiam.cli.terminal import print_text

    copied = copy_bank(args.bank, args.copy)
    print_text(
        f"copied bank {copied.name} to {copied.path}: version {copied.version}, "
        f"{len(copied.cases)} cases"
    )
    return 0
