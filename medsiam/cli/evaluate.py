"""`medsiam evaluate`: how well saved embeddings tell conditions apart."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.cli.terminal import notice, print_json, print_text, progress, table

_WIDTH = 210  # of the table where it is piped: a line for each embeddings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medsiam.cases import CaseRow
    from medsiam.evaluation import (
        Difference,
        EpisodeProtocol,
        Evaluation,
        Figure,
        Robustness,
        TableEvaluation,
    )


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="measure few-shot accuracy and retrieval of saved embeddings",
        description="Measure how well the embeddings of `medsiam embed` tell conditions apart: "
        "few-shot accuracy, retrieval, pairs, unknown conditions. A patient (or group) is never "
        "compared with itself, and every interval is over patients.",
        epilog="example: medsiam evaluate emb.npz --cases cases.csv --condition HCM "
        "--condition RV --baselines --out report",
    )
    parser.add_argument("embeddings", metavar="EMB.npz", type=Path)
    parser.add_argument(
        "--cases", required=True, metavar="CASES.csv", type=Path, help="the table they are of"
    )
    parser.add_argument(
        "--protocol",
        metavar="P.toml",
        type=Path,
        help="settings of the evaluation (default: 1, 5 and 10 shots, 1000 episodes, cosine)",
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
        help="also measure pixels, gradients, random and ImageNet networks (reads the scans)",
    )
    parser.add_argument(
        "--trained-baselines",
        action="store_true",
        help="the same, and two networks trained on the other conditions (minutes)",
    )
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="OTHER.npz",
        type=Path,
        help="other embeddings of the same rows, compared by the paired bootstrap over patients; "
        "repeat for each",
    )
    parser.add_argument(
        "--robustness",
        metavar="E",
        help="the encoder that made the embeddings: also measure how ranks move when scans are "
        "rotated, shifted, brightened, made noisy or coarse (reads the scans)",
    )
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="also write evaluation.html, .json and .csv"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam.cases import read_case_table
    from medsiam.encoders import load_embeddings
    from medsiam.evaluation import compare_evaluations, evaluation_document

    protocol = _protocol(args)
    rows = read_case_table(args.cases, check_files=False).rows
    paths, embeddings = load_embeddings(args.embeddings)
    measured = {args.embeddings.stem: _evaluate(args, rows, paths, embeddings, protocol)}
    for name, other in _others(args.against, list(measured)).items():
        measured[name] = _evaluate(args, rows, *load_embeddings(other), protocol)
    remarks: tuple[str, ...] = ()
    if args.baselines or args.trained_baselines:
        more, remarks = _baselines(args, rows, paths, embeddings, protocol)
        measured |= more
    results = {name: found.evaluation for name, found in measured.items()}
    first, *others = results.values()
    differences = {
        name: compare_evaluations(first, other)
        for name, other in zip(list(results)[1:], others, strict=True)
    }
    robustness = _robustness(args, rows, measured, protocol) if args.robustness else None
    document = {
        "embeddings": str(args.embeddings),
        "embeddings_sha256": hashlib.sha256(args.embeddings.read_bytes()).hexdigest(),
        "cases": str(args.cases),
        "splits": args.split,
        **evaluation_document(results, differences=differences, robustness=robustness),
    }
    document["notices"] += remarks
    if args.out:
        _write(args.out, document, measured, differences, robustness)
    for text in document["notices"]:
        notice(text)
    # By name on the terminal only: results are passed on.
    for text in dict.fromkeys(text for found in measured.values() for text in found.items.left_out):
        notice(text)
    if args.json:
        print_json(document)
    else:
        _show(results)
        _show_differences(differences, args.against)
        _show_robustness(robustness)
    if args.out:
        notice(f"written: {args.out / 'evaluation.html'}, and .json and .csv beside it")
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
    args: argparse.Namespace,
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    protocol: EpisodeProtocol,
) -> TableEvaluation:
    from medsiam.evaluation import evaluate_rows

    return evaluate_rows(rows, paths, embeddings, protocol=protocol, splits=args.split)


def _others(against: Sequence[Path], taken: list[str]) -> dict[str, Path]:
    """A name for each file: with its folder's where two share a name, numbered where that fails."""
    stems = [*taken, *(path.stem for path in against)]
    found: dict[str, Path] = {}
    for path in against:
        alone = stems.count(path.stem) == 1
        name = path.stem if alone else f"{path.absolute().parent.name}/{path.stem}"
        number = 2
        unique = name
        while unique in found:
            unique, number = f"{name} ({number})", number + 1
        found[unique] = path
    return found


def _baselines(
    args: argparse.Namespace,
    rows: Sequence[CaseRow],
    paths: Sequence[str],
    embeddings: NDArray[np.float32],
    protocol: EpisodeProtocol,
) -> tuple[dict[str, TableEvaluation], tuple[str, ...]]:
    """The same cases by everything simpler; every embedded row is read."""
    from medsiam.encoders import embed_baselines
    from medsiam.errors import NothingToDoError

    embedded = set(paths)
    present = [row for row in rows if row.path_text in embedded]
    if not present:
        raise NothingToDoError("none of the table's cases has an embedding")
    with progress("baselines", 4 * len(present)) as advance:
        ladder = embed_baselines(
            present,
            evaluated=protocol.conditions,
            random_dim=embeddings.shape[1],
            random_state=protocol.random_state,
            advance=advance,
        )
    remarks = list(ladder.notices)
    found = dict(ladder.embeddings)
    if args.trained_baselines:
        from medsiam.training import train_baselines

        trained = train_baselines(args.cases, present, protocol.conditions)
        found |= trained.embeddings
        remarks += trained.notices
    measured = {
        name: _evaluate(args, rows, ladder.paths, values, protocol)
        for name, values in found.items()
    }
    return measured, tuple(remarks)


def _robustness(
    args: argparse.Namespace,
    rows: Sequence[CaseRow],
    measured: dict[str, TableEvaluation],
    protocol: EpisodeProtocol,
) -> Robustness:
    from medsiam.encoders import PERTURBATIONS, embed_perturbed, load_encoder
    from medsiam.evaluation import measure_robustness

    items = next(iter(measured.values())).items
    encoder = load_encoder(args.robustness)
    by_path = {row.path_text: row for row in rows}
    chosen = items.sample(100, random_state=protocol.random_state)
    scans = [by_path[path] for place in chosen for path in items.paths[place]]
    total = len(scans) * (1 + len(PERTURBATIONS))
    with progress("perturbed scans", total) as advance:
        found = embed_perturbed(scans, encoder, random_state=protocol.random_state, advance=advance)
    return measure_robustness(items, chosen, found.paths, found.embeddings, protocol=protocol)


def _write(
    folder: Path,
    document: dict[str, Any],
    measured: dict[str, TableEvaluation],
    differences: dict[str, tuple[Difference, ...]],
    robustness: Robustness | None,
) -> None:
    import json

    from medsiam.evaluation import evaluation_csv, evaluation_page
    from medsiam.writing import write_atomically

    results = {name: found.evaluation for name, found in measured.items()}
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    # Everything is made before anything is written, so that no half of it is left behind.
    page = evaluation_page(
        measured,
        differences=differences,
        robustness=robustness,
        notices=document["notices"],
    )
    write_atomically(folder / "evaluation.json", text + "\n")
    write_atomically(folder / "evaluation.csv", evaluation_csv(results))
    write_atomically(folder / "evaluation.html", page)


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
            "open-set AUROC",
        ),
        [(name, *_cells(evaluation)) for name, evaluation in results.items()],
        width=_WIDTH,
    )


def _cells(evaluation: Evaluation) -> list[str | None]:
    retrieval, unknown = evaluation.retrieval, evaluation.open_set
    figures = [(shot.accuracy, shot.low, shot.high) for shot in evaluation.few_shot]
    figures += [_triple(retrieval.precision_at_1), _triple(retrieval.mean_average_precision)]
    auc = evaluation.pair_auc
    figures.append((auc.value, auc.low, auc.high))
    cells: list[str | None] = [_cell(*figure) for figure in figures]
    return [*cells, _cell(*_triple(unknown.auroc)) if unknown else None]


def _cell(value: float, low: float, high: float) -> str:
    return f"{value:.3f} [{low:.2f}, {high:.2f}]"


def _triple(figure: Figure) -> tuple[float, float, float]:
    return figure.value, figure.low, figure.high


def _show_differences(
    differences: dict[str, tuple[Difference, ...]], against: Sequence[Path]
) -> None:
    """What `--against` asked for; baselines' differences are in the document."""
    shown = ("few_shot", "retrieval.precision_at_1", "retrieval.mean_average_precision")
    rows = [
        (name, found.label, _cell(found.value, found.low, found.high), f"{found.p:.4f}")
        for name, several in list(differences.items())[: len(against)]
        for found in several
        if found.measure.startswith(shown) and not found.measure.endswith("_micro")
    ]
    if rows:
        table(
            "the first less the other; [95 % interval of the paired bootstrap over subjects]",
            ("other", "figure", "difference", "p"),
            rows,
        )


def _show_robustness(robustness: Robustness | None) -> None:
    if robustness is None:
        return
    table(
        f"how ranks move when {robustness.n_cases} scans are changed",
        ("change", "nearest case stays", "of the 10 nearest stay", "P@1, all alike", "unchanged"),
        [
            (
                entry.name,
                _cell(*_triple(entry.nearest_stays)),
                _cell(*_triple(entry.overlap_at_10)),
                _cell(*_triple(entry.precision_at_1)),
                f"{robustness.precision_at_1.value:.3f}",
            )
            for entry in robustness.changes
        ],
    )
