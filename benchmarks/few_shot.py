"""Claim: accuracy on conditions an encoder never saw, beside its peers on the same cases.

Trains the committed configurations for each seed (or takes a shipped encoder), embeds each case
table, evaluates every protocol of configs/evaluation, with the baselines of `medsiam evaluate` and
a paired bootstrap against the shipped and the trained encoders. Needs MEDSIAM_DATA.

    python benchmarks/few_shot.py [--only NAME ...] [--seeds 0 1 2] [--baselines] [--work DIR]
    python benchmarks/few_shot.py --cards

A run folder or an .npz that is there already is taken as it is. `--cards` writes the figures of
the shipped encoders into their cards.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import RESULTS, write_result

from medsiam.encoders import SHIPPED, EncoderCard, MeasuredMetric
from medsiam.encoders.shipped import encoder_folder

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Task:
    """A data set, the protocols on it, and who is measured.

    Attributes:
        table: case table, below MEDSIAM_DATA.
        protocols: of configs/evaluation.
        trained: configurations of configs/training.
        shipped: encoders by name.
    """

    table: str
    protocols: tuple[str, ...]
    trained: tuple[str, ...] = ()
    shipped: tuple[str, ...] = ()


TASKS = {
    "cells": Task("chula_rbc_cells", ("chula_dev3",), ("chula_2d",), ("default-2d",)),
    "heart": Task(
        "acdc_cardiac_mri", ("acdc_dev_unseen2",), ("cardiac_cine",), ("cardiac-cine", "default-3d")
    ),
    "adrenal": Task(
        "adrenalmnist3d_64", ("adrenal_dev",), ("adrenal_3d",), ("shape-3d", "default-3d")
    ),
    "chest": Task("cxr_rare_pneumonia", ("cxr_dev4", "cxr_dev_rare5"), (), ("default-2d",)),
    "ultrasound": Task("lung_ultrasound", ("us_cross_source",), (), ("default-2d",)),
}


CARD_FIGURES = {
    "value": "accuracy",
    "low": "low",
    "high": "high",
    "chance": "chance",
    "majority": "majority",
}


def medsiam(*arguments: object) -> str:
    command = [sys.executable, "-m", "medsiam", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def encoders(task: Task, seeds: list[int], work: Path) -> Iterator[tuple[str, str, float | None]]:
    """Name, folder or name to load, and the seconds its training took (None: not trained now)."""
    for config in task.trained:
        for seed in seeds:
            run = work / f"{config}_{seed}"
            start, seconds = time.monotonic(), None
            if not (run / "encoder").exists():
                path = ROOT / "configs" / "training" / f"{config}.toml"
                medsiam("train", path, f"run.seed={seed}", "--out", run)
                seconds = time.monotonic() - start
            yield f"{config}, seed {seed}", str(run / "encoder"), seconds
    for name in task.shipped:
        yield name, name, None


def measure(name: str, task: Task, args: argparse.Namespace) -> dict[str, Any]:
    cases = Path(os.environ["MEDSIAM_DATA"]).resolve() / task.table / "labels.csv"
    files, seconds = {}, {}
    for encoder, source, took in encoders(task, args.seeds, args.work):
        files[encoder] = args.work / f"{name}_{encoder.replace(', seed ', '_')}.npz"
        seconds[encoder] = took
        if not files[encoder].exists():
            medsiam("embed", cases, "--encoder", source, "--out", files[encoder])
    first, *others = files.values()
    found: dict[str, Any] = {"training_seconds": seconds}
    for protocol in task.protocols:
        path = ROOT / "configs" / "evaluation" / f"{protocol}.toml"
        more = ["--baselines"] if args.baselines else []
        more += [word for other in others for word in ("--against", str(other))]
        out = args.work / f"{name}_{protocol}"
        answer = medsiam(
            "evaluate", first, "--cases", cases, "--protocol", path, "--out", out, "--json", *more
        )
        found[protocol] = shortened(json.loads(answer))
        show(protocol, found[protocol])
    return found


def shortened(document: dict[str, Any]) -> dict[str, Any]:
    """The figures that docs/benchmarks.md quotes."""
    kept = ("name", "few_shot", "retrieval", "pair_auc", "open_set", "official_split", "folds")
    return {
        "results": [{k: r.get(k) for k in (*kept, "source_probe")} for r in document["results"]],
        "differences": document["differences"],
    }


def show(protocol: str, found: dict[str, Any]) -> None:
    print(f"\n{protocol}")
    for result in found["results"]:
        shots = "  ".join(
            f"{shot['n_shot']}: {shot['accuracy']:.3f} [{shot['low']:.2f}, {shot['high']:.2f}]"
            for shot in result["few_shot"]
        )
        print(f"  {result['name']:40} {shots}", flush=True)


def fill_cards() -> None:
    """Write into the shipped cards what was measured; their weights and fingerprints stay."""
    for name in SHIPPED:
        path = encoder_folder(name) / "card.json"
        card = EncoderCard.model_validate_json(path.read_bytes())
        others = tuple(metric for metric in card.metrics if "-shot" not in metric.name)
        card = card.model_copy(update={"metrics": (*others, *card_metrics(name))})
        path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def card_metrics(encoder: str) -> Iterator[MeasuredMetric]:
    for task in TASKS:
        stored = RESULTS / f"few_shot_{task}.json"
        figures = json.loads(stored.read_text(encoding="utf-8"))["figures"]
        for protocol in TASKS[task].protocols:
            for result in figures[protocol]["results"]:
                if result["name"] != f"{task}_{encoder}":
                    continue
                for shot in result["few_shot"]:
                    yield MeasuredMetric(
                        name=f"balanced accuracy, {shot['n_way']}-way {shot['n_shot']}-shot",
                        n=shot["n_subjects"],
                        unit_of_n="subjects (patients, smears or clips)",
                        measured_on=f"{protocol} ({TASKS[task].table})",
                        **{k: shot[v] for k, v in CARD_FIGURES.items()},
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--baselines", action="store_true")
    parser.add_argument("--cards", action="store_true")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"))
    args = parser.parse_args()
    if args.cards:
        fill_cards()
        return
    args.work.mkdir(parents=True, exist_ok=True)
    for name in args.only:
        figures = measure(name, TASKS[name], args)
        print(f"written: {write_result(f'few_shot_{name}', figures)}", file=sys.stderr)


if __name__ == "__main__":
    main()
