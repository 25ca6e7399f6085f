"""Claim: accuracy on the trained conditions themselves, on subjects that training never saw.

For each fold of subjects (patients, or smears) the committed configuration is trained on the other
folds; the fold's cases are then named by a linear probe, the nearest mean and the nearest case, all
fitted on the other folds' embeddings. Needs MEDSIAM_DATA and an hour.

    python benchmarks/held_out.py [--only NAME ...] [--work DIR]

A run folder or an .npz that is there already is taken as it is.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from few_shot import ROOT, medsiam
from machine import write_result
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler

from medsiam.distances import pairwise_distances
from medsiam.metrics import balanced_accuracy, cluster_bootstrap

# ACDC patient 076 is patient 074 again, voxel by voxel: one subject.
SAME_SUBJECT = {"patient076": "patient074"}


@dataclass(frozen=True)
class Task:
    """A data set, its conditions and folds.

    Attributes:
        table: case table, below MEDSIAM_DATA.
        subject: column of the patient or smear.
        conditions: trained and named; the table's other rows are never read.
        n_folds: of subjects.
        joined: rows of one subject and condition are one case, in the table's order.
        methods: name -> configuration of configs/training and what is changed in it.
    """

    table: str
    subject: str
    conditions: tuple[str, ...]
    n_folds: int
    joined: bool
    methods: dict[str, tuple[str, ...]]


TASKS = {
    "five_groups": Task(
        table="acdc_cardiac_mri",
        subject="patient_id",
        conditions=("DCM", "HCM", "MINF", "NOR", "RV"),
        n_folds=5,
        joined=True,
        methods={
            "anatomy": ("cardiac_cine",),
            "cross-entropy, 3D network": ("acdc_3d", "loss.kind=cross_entropy"),
        },
    ),
    "cells": Task(
        table="chula_rbc_cells",
        subject="group",
        conditions=(
            "normal", "macrocyte", "microcyte", "spherocyte", "target_cell", "ovalocyte",
            "hypochromia",
        ),
        n_folds=2,
        joined=False,
        methods={
            "gently trained": ("chula_2d",),
            "nothing trained, whitened": ("chula_2d", "schedule.epochs=0"),
        },
    ),
}  # fmt: skip


def fold_tables(task: Task, work: Path) -> Iterator[tuple[Path, list[dict[str, str]]]]:
    """Write each fold's table, its own subjects with `split` = test; give it and its rows."""
    source = Path(os.environ["MEDSIAM_DATA"]).resolve() / task.table / "labels.csv"
    with source.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] in task.conditions]
    for row in rows:
        subject = SAME_SUBJECT.get(row[task.subject], row[task.subject])
        row["subject"] = subject
        for column in ("path", "mask_path"):
            if row.get(column):
                row[column] = str(source.parent / row[column])
    columns = ["path", "label", "patient_id", "group", "split", "mask_path"]
    folds = StratifiedGroupKFold(task.n_folds, shuffle=True, random_state=0)
    labels = [row["label"] for row in rows]
    for fold, (_, asked) in enumerate(folds.split(rows, labels, [row["subject"] for row in rows])):
        for place, row in enumerate(rows):
            row["split"] = "test" if place in set(asked) else "train"
            row[task.subject] = row["subject"]
        table = work / f"fold_{fold}.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", restval="")
            writer.writeheader()
            writer.writerows(rows)
        yield table, [dict(row) for row in rows]


def embedded(task: Task, method: str, table: Path) -> np.ndarray:
    """(n, d) by an encoder trained on the table's rows with `split` = train."""
    config, *overrides = task.methods[method]
    name = f"{table.stem}_{method.split(',')[0].replace(' ', '_')}"
    run, file = table.with_name(name), table.with_name(f"{name}.npz")
    if not (run / "encoder").exists():
        path = ROOT / "configs" / "training" / f"{config}.toml"
        conditions = "data.base_conditions=[" + ",".join(f'"{c}"' for c in task.conditions) + "]"
        given = (f"data.cases={table}", conditions, "split.train=train", *overrides)
        medsiam("train", path, *given, "--out", run)
    if not file.exists():
        medsiam("embed", table, "--encoder", run / "encoder", "--out", file)
    with np.load(file, allow_pickle=False) as stored:
        return stored["embeddings"].astype(np.float64)


def measure(name: str, work: Path) -> dict[str, Any]:
    task = TASKS[name]
    folder = work / name
    folder.mkdir(parents=True, exist_ok=True)
    truth: list[str] = []
    subjects: list[str] = []
    called: dict[tuple[str, str], list[str]] = {}
    for table, rows in fold_tables(task, folder):
        for method in task.methods:
            vectors, labels, owners, asks = cases_of(task, rows, embedded(task, method, table))
            for way, names in named(vectors, labels, asks).items():
                called.setdefault((method, way), []).extend(names)
        truth += labels[asks].tolist()
        subjects += owners[asks].tolist()
    figures = {}
    for (method, way), names in called.items():
        figure = balanced(np.array(truth), np.array(names), np.array(subjects))
        figures[f"{method}: {way}"] = figure
        print(f"{name}  {method}: {way:14} {figure['accuracy']:.3f} "
              f"[{figure['low']:.2f}, {figure['high']:.2f}]", flush=True)  # fmt: skip
    return {"n_cases": len(truth), "n_subjects": len(set(subjects)),
            "chance": 1 / len(task.conditions), "figures": figures}  # fmt: skip


def cases_of(
    task: Task, rows: list[dict[str, str]], vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, conditions, subjects of cases, and which of them ask."""
    keys = [row["path"] if not task.joined else row["subject"] + row["label"] for row in rows]
    groups: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    # A subject with two pairs of scans (the patient who is there twice) asks with the first.
    size = min(map(len, groups.values()))
    places = [own[:size] for own in groups.values()]
    first = [rows[own[0]] for own in places]
    return (
        np.stack([vectors[own].ravel() for own in places]),
        np.array([row["label"] for row in first]),
        np.array([row["subject"] for row in first]),
        np.array([row["split"] == "test" for row in first]),
    )


def named(vectors: np.ndarray, labels: np.ndarray, asks: np.ndarray) -> dict[str, list[str]]:
    bank, known, queries = vectors[~asks], labels[~asks], vectors[asks]
    scale = StandardScaler().fit(bank)
    probe = LogisticRegression(C=0.01, class_weight="balanced", max_iter=5000)
    probe.fit(scale.transform(bank), known)
    conditions = np.unique(known)
    means = np.stack([bank[known == condition].mean(0) for condition in conditions])
    return {
        "linear probe": probe.predict(scale.transform(queries)).tolist(),
        "nearest mean": conditions[
            pairwise_distances(queries, means, metric="cosine").argmin(1)
        ].tolist(),
        "nearest case": known[
            pairwise_distances(queries, bank, metric="cosine").argmin(1)
        ].tolist(),
    }


def balanced(truth: np.ndarray, names: np.ndarray, subjects: np.ndarray) -> dict[str, float]:
    """Mean of the conditions' accuracies; interval over subjects."""
    right = (truth == names).astype(float)
    low, high = cluster_bootstrap(right, subjects, labels=truth)
    return {"accuracy": balanced_accuracy(truth, names), "low": low, "high": high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark/held_out"))
    args = parser.parse_args()
    figures = {name: measure(name, args.work) for name in args.only}
    print(f"written: {write_result('held_out', figures)}", file=sys.stderr)


if __name__ == "__main__":
    main()
