"""`medsiam export`: an encoder as a graph, for OpenVINO and as ONNX."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsiam.cases import CaseTable
    from medsiam.encoders import Encoder, Exported


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "export",
        help="convert an encoder for OpenVINO (faster) or ONNX",
        description="Convert an encoder. For OpenVINO the graph is kept beside the weights, and "
        "every command with --runtime uses it from then on; with --cases it is measured how far "
        "full precision and bf16 are from torch, which allows bf16 where neighbours stay the same. "
        "ONNX is one file for other programs.",
    )
    parser.add_argument(
        "encoder", metavar="E", help="encoder folder, a shipped encoder, or a bank, for its own"
    )
    parser.add_argument("--format", choices=("openvino", "onnx"), required=True)
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder to write to (needed for ONNX; for OpenVINO by default beside the weights)",
    )
    parser.add_argument(
        "--cases", metavar="CASES.csv", type=Path, help="scans to measure OpenVINO on, at least 100"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.errors import UsageError

    if args.format == "onnx":
        if args.out is None or args.cases is not None:
            raise UsageError("--format onnx needs --out DIR, and nothing is measured for it")
        return _onnx(args)
    return _openvino(args)


def _onnx(args: argparse.Namespace) -> int:
    from medsiam.cli.terminal import print_json, print_text
    from medsiam.encoders import export_onnx
    from medsiam.writing import write_atomically

    encoder, _ = _opened(args.encoder)
    path = args.out / "encoder.onnx"
    write_atomically(path, export_onnx(encoder))
    write_atomically(args.out / "card.json", encoder.card.model_dump_json(indent=2) + "\n")
    if args.json:
        print_json({"out": str(path), "encoder_fingerprint": encoder.fingerprint})
    else:
        shape = (1, encoder.recipe.in_channels, *encoder.recipe.spatial_size)
        print_text(f"{path}: takes `scan` {shape}, prepared as card.json says; gives `embedding`")
    return 0


def _openvino(args: argparse.Namespace) -> int:
    from medsiam.cases import read_case_table
    from medsiam.cli.terminal import print_json
    from medsiam.encoders import export_openvino
    from medsiam.writing import write_atomically

    encoder, keep = _opened(args.encoder)
    cases = None if args.cases is None else read_case_table(args.cases)
    exported = export_openvino(encoder)
    if cases is not None:
        exported = _measured(encoder, exported, cases)
    if args.out is None:
        keep(exported)
    else:
        for name, content in exported.files().items():
            write_atomically(args.out / Path(name).name, content)
    if args.json:
        print_json(_document(args, exported))
    else:
        _show(args, exported)
    return 0


def _opened(name: str) -> tuple[Encoder, Callable[[Exported], None]]:
    """The encoder, and what keeps a graph beside it."""
    from medsiam.bank import ReferenceBank, is_bank
    from medsiam.encoders import encoder_folder, load_encoder, write_exported

    if is_bank(name):
        bank = ReferenceBank.open(name, runtime="torch")
        return bank.encoder, bank.keep_exported
    return load_encoder(name, runtime="torch"), lambda found: write_exported(
        found, encoder_folder(name)
    )


def _measured(encoder: Encoder, exported: Exported, cases: CaseTable) -> Exported:
    from medsiam.cli.terminal import progress
    from medsiam.encoders import measurable_runtimes, measure_parity

    passes = 1 + len(measurable_runtimes())
    with progress("measuring", passes * len(cases.rows)) as advance:
        parity = measure_parity(
            cases.rows,
            encoder.on("openvino", exported),
            measured_on=cases.path.name,
            advance=advance,
        )
    return replace(exported, card=exported.card.model_copy(update={"parity": parity}))


def _document(args: argparse.Namespace, exported: Exported) -> dict[str, Any]:
    card = exported.card
    return {
        "encoder": args.encoder,
        "encoder_fingerprint": card.fingerprint,
        "openvino": card.openvino,
        "parity": [{**one.model_dump(mode="json"), "fault": one.fault} for one in card.parity],
    }


def _show(args: argparse.Namespace, exported: Exported) -> None:
    from medsiam.cli.terminal import print_text

    size = len(exported.values) / 2**20
    where = "beside the weights" if args.out is None else f"in {args.out}"
    print_text(f"{args.encoder}: graph for OpenVINO kept {where}, {size:.1f} MiB")
    for one in exported.card.parity:
        said = "may be used" if one.fault is None else f"may not be used: {one.fault}"
        print_text(
            f"{one.runtime}: {one.same_neighbour:.1%} of {one.n_scans} scans keep their nearest "
            f"neighbour; an embedding moves by at most {one.drift:.2g} of the median distance of "
            f"two scans; {said}"
        )
