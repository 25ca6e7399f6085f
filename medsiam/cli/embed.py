"""`medsiam embed`: the embeddings of a case table, as an .npz file."""

from __future__ import annotations

import argparse
from pathlib import Path

from medsiam.cli.runtime import add_runtime

PIXELS = "pixels"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "embed",
        help="embed every scan of a case table",
        description="Embed every scan of a case table. The order of the rows is kept; a row that "
        "cannot be read is reported and left out.",
    )
    parser.add_argument("cases", metavar="CASES.csv", type=Path, help="case table")
    parser.add_argument(
        "--encoder",
        required=True,
        metavar="E",
        help="encoder folder, a shipped one (default-2d, default-3d, cardiac-cine, shape-3d), or "
        f"the word {PIXELS!r} for the pixel baseline",
    )
    parser.add_argument("--out", required=True, metavar="EMB.npz", type=Path, help="file to write")
    parser.add_argument(
        "--batch-size", type=int, default=16, metavar="N", help="scans per pass (default 16)"
    )
    add_runtime(parser, default="auto")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.cases import read_case_table
    from medsiam.cli.terminal import notice, print_json, print_text, progress
    from medsiam.encoders import embed_case_rows, load_encoder, save_embeddings
    from medsiam.writing import check_writable

    check_writable(args.out)
    # A missing file is one row's failure here, not the table's.
    table = read_case_table(args.cases, check_files=False)
    for text in table.notices:
        notice(text)
    encoder = None if args.encoder == PIXELS else load_encoder(args.encoder, runtime=args.runtime)
    with progress("embedding", len(table.rows)) as advance:
        result = embed_case_rows(table.rows, encoder, batch_size=args.batch_size, advance=advance)
    for failure in result.failures:
        notice(f"line {failure.row}: {failure.path}: {failure.code}: {failure.message}")
    if result.paths:
        save_embeddings(args.out, result.paths, result.embeddings)
    if args.json:
        print_json(
            {
                "out": str(args.out) if result.paths else None,
                "encoder": args.encoder,
                "encoder_fingerprint": encoder.fingerprint if encoder else None,
                "runtime": encoder.runtime if encoder else None,
                "embedding_dim": result.embeddings.shape[1] if result.paths else None,
                "n_rows": len(table.rows),
                "n_embedded": len(result.paths),
                "failures": [vars(failure) for failure in result.failures],
            }
        )
    elif result.paths:
        n, d = result.embeddings.shape
        print_text(f"{args.out}: {n} of {len(table.rows)} scans embedded, {d} values each")
    if not result.failures:
        return 0
    return 4 if result.paths else 5
