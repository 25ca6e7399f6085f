"""`medsiam merge`: join the outputs of `medsiam score --shard`."""

from __future__ import annotations

import argparse
from pathlib import Path

from medsiam.cli.terminal import notice, print_json


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "merge",
        help="join the outputs of `medsiam score --shard`",
        description="Join the outputs of all shards of one folder into what one run over the whole "
        "folder would have written.",
    )
    parser.add_argument("folders", metavar="DIR", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.scoring import merge_runs, read_run

    merge_runs(args.folders, args.out)
    joined = read_run(args.out)
    if args.json:
        print_json({"out": str(args.out), "counts": joined.counts, "n_shards": len(args.folders)})
    said = ", ".join(f"{n} {word}" for word, n in joined.counts.items())
    notice(f"{len(args.folders)} shards joined: {said}; results in {args.out}")
    return 0
