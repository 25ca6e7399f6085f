"""`medsiam evaluate`: how well saved embeddings tell conditions apart."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.cli.terminal import notice, print_json, print_text, progress, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medsiam.cases import CaseRow
    from medsiam.evaluation import EpisodeProtocol, Evaluation, Figure

PIXELS = "pixels (baseline)"
RANDOM = "random (baseline)"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure few-shot accuracy and retrieval of saved embeddings",
        description="Measure how well the embeddings of `medsiam embed` tell conditions apart: "
        "few-shot accuracy, retrieval, pairs. A patient (or group) is never compared with "
        "itself, and every interval is over patients.",
        epilog="example: medsiam evaluate emb.npz --cases cases.csv --condition HCM "
        "--condition RV --baselines",
    )
    parser.add_argument("embeddings", metavar="EMB.npz", type=Path)
    parser.add_argument(
        "--cases", required=True, metavar="CASES.csv", type=Path, help="the table they are of"
    )
    parser.add_argument(
        "--protocol",
        metavar="P.toml",
        type=Path,
        help="settings of the episodes (default: 1, 5 and 10 shots, 1000 episodes, cosine)",
    )
    parser.add_argument(
        "--condition",
        action="append",
        metavar="C",
        help="only this condition; repeat for each (default: all, or as the protocol says)",
    )
    parser.add_argument(
        "--split",
        action="append",
        metavar="S",
        help="only rows whose column split says so; repeat for each (default: all)",
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="also measure the distance between pixels (reads the scans) and random embeddings",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="also write evaluation.json and evaluation.csv"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.cases import read_case_table
    from medsiam.encoders import load_embeddings
    from medsiam.evaluation import evaluation_csv, evaluation_document, select_rows
    from medsiam.writing import write_atomically

    paths, embeddings = load_embeddings(args.embeddings)
    rows = read_case_table(args.cases, check_files=False).rows
    protocol = _protocol(args)
    chosen = select_rows(rows, conditions=protocol.conditions, splits=args.split)
    name = args.embeddings.stem
    results = {name: _evaluate(chosen, paths, embeddings, protocol, rows)}
    if args.baselines:
        results |= _baselines(chosen, paths, embeddings, protocol)
    document = {
        "embeddings": str(args.embeddings),
        "embeddings_sha256": hashlib.sha256(args.embeddings.read_bytes()).hexdigest(),
        "cases": str(args.cases),
        "splits": args.split,
        **evaluation_document(results),
    }
    if args.out:
        import json

        text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
        write_atomically(args.out / "evaluation.json", text + "\n")
        write_atomically(args.out / "evaluation.csv", evaluation_csv(results))
    for text in document["notices"]:
        notice(text)
    if args.json:
        print_json(document)
    else:
        _show(results)
    if args.out:
        notice(f"written: {args.out / 'evaluation.json'}, {args.out / 'evaluation.csv'}")
    return 0


def _protocol(args: argparse.Namespace) -> EpisodeProtocol:
    from medsiam.config import load_config
    from medsiam.errors import UsageError
    from medsiam.evaluation import EpisodeProtocol

    protocol = load_config(args.protocol, EpisodeProtocol) if args.protocol else EpisodeProtocol()
    if args.condition is None:
        return protocol
    conditions = tuple(dict.fromkeys(args.condition))
    if len(conditions) < 2:
        raise UsageError(
            f"--condition is given for {conditions[0]} alone: name at least two, or none for all"
        )
    return protocol.model_copy(update={"conditions": conditions})


def _evaluate(
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    protocol: EpisodeProtocol,
    all_rows: Sequence[CaseRow],
) -> Evaluation:
    from medsiam.evaluation import evaluate, join_cases

    items = join_cases(rows, paths, embeddings, table=all_rows)
    return evaluate(
        items.embeddings,
        conditions=items.conditions,
        subjects=items.subjects,
        protocol=protocol,
        n_scans=items.n_scans,
        notices=items.notices,
    )


def _baselines(
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    protocol: EpisodeProtocol,
) -> dict[str, Evaluation]:
    """The same cases with pixels for embeddings, and with random numbers."""
    import numpy as np

    from medsiam.encoders import embed_case_rows
    from medsiam.errors import ScanError

    embedded = set(paths)
    present = [row for row in rows if row.path_text in embedded]
    with progress("pixel baseline", len(present)) as advance:
        pixels = embed_case_rows(present, None, advance=advance)
    if pixels.failures:
        first = pixels.failures[0]
        raise ScanError(
            first.code,
            f"the pixel baseline needs the scans: {len(pixels.failures)} of {len(present)} cannot "
            f"be read, first {first.path}: {first.message}; leave --baselines out",
        )
    rng = np.random.default_rng(protocol.random_state)
    noise = rng.standard_normal((len(present), embeddings.shape[1])).astype(np.float32)
    names = [row.path_text for row in present]
    return {
        PIXELS: _evaluate(rows, names, pixels.embeddings, protocol, rows),
        RANDOM: _evaluate(rows, names, noise, protocol, rows),
    }


def _show(results: dict[str, Evaluation]) -> None:
    """The figures of all embeddings, under what chance and majority would score."""
    first = next(iter(results.values()))
    n_cases = sum(entry.n_cases for entry in first.counts)
    counts = "; ".join(
        f"{entry.condition} {entry.n_cases} / {entry.n_subjects}" for entry in first.counts
    )
    retrieval = first.retrieval
    print_text(f"{n_cases} cases; cases / subjects of each condition: {counts}")
    chance = [f"{shot.n_shot}-shot {shot.chance:.2f} ({shot.n_way}-way)" for shot in first.few_shot]
    print_text(
        f"chance: {', '.join(chance)}, P@1 {retrieval.precision_at_1.chance:.2f}, "
        f"mAP {retrieval.mean_average_precision.chance:.2f}, AUC {first.pair_auc.chance:.2f}"
    )
    majority = [f"{shot.n_shot}-shot {shot.majority:.2f}" for shot in first.few_shot]
    print_text(
        "majority (always the most frequent condition): "
        f"{', '.join(majority)}, P@1 {retrieval.precision_at_1.majority:.2f} "
        f"({retrieval.precision_at_1_micro.majority:.2f} where every query counts the same)"
    )
    table(
        f"{first.protocol.metric} distance, subjects disjoint; [95 % interval over subjects]",
        (
            "embeddings",
            *(f"{shot.n_shot}-shot" for shot in first.few_shot),
            "macro P@1",
            "macro mAP",
            "pair AUC",
        ),
        [(name, *_cells(evaluation)) for name, evaluation in results.items()],
    )


def _cells(evaluation: Evaluation) -> list[str]:
    retrieval = evaluation.retrieval
    figures = [(shot.accuracy, shot.low, shot.high) for shot in evaluation.few_shot]
    figures += [_triple(retrieval.precision_at_1), _triple(retrieval.mean_average_precision)]
    auc = evaluation.pair_auc
    figures.append((auc.value, auc.low, auc.high))
    return [f"{value:.3f} [{low:.2f}, {high:.2f}]" for value, low, high in figures]


def _triple(figure: Figure) -> tuple[float, float, float]:
    return figure.value, figure.low, figure.high
