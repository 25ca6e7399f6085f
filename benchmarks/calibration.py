"""Claim: what medsiam says about a distance is true on subjects that nothing was fitted on.

Cells (an encoder trained without the smears that are asked and without those of the bank's
calibration; bank and queries share no smear) and adrenal glands (bank: a part of the
official train split that the encoder was not fitted on, queries: the val split). Measured:
calibration error and Brier score of the match probability, coverage of the sets of conditions
over 20 splits, left-out conditions told from held ones, error when the least certain fifth is set
aside, and far-off inputs told by embeddings alone, all pictures brought to one size and to grey.
Needs MEDSIAM_DATA.

    python benchmarks/calibration.py [--held-out DIR] [--work DIR]

The folder is that of `held_out.py --only cells`: fold_0.csv and fold_1.csv, whose rows with
split = train the encoder of that fold has seen. Embeddings are kept in the work folder.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from calibration_figures import (
    Floats,
    asked,
    case_arrays,
    coverage,
    join,
    match_figures,
    open_set,
    set_aside,
)
from few_shot import medsiam
from machine import write_result
from PIL import Image
from ship_encoders import CONFIGS, adrenal_table

from medsiam.cases import read_case_table
from medsiam.comparison.calibrating import calibrate_metric
from medsiam.comparison.conditions import prototypes
from medsiam.comparison.leave_patient_out import (
    leave_patients_out,
    nearest_patients,
    nearest_three,
    patient_minima,
)
from medsiam.comparison.space import make_space
from medsiam.encoders import embed_case_rows, load_encoder
from medsiam.encoders.baselines.linear_steps import discriminants, whitened
from medsiam.encoders.baselines.networks import imagenet_encoder
from medsiam.metrics import roc_auc
from medsiam.scans import Scan

_SIDE = 80  # pixels of the far-off test
_FAR = ("chula_rbc_cells", "cxr_rare_pneumonia", "lung_ultrasound")


def data() -> Path:
    return Path(os.environ["MEDSIAM_DATA"]).resolve()


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def embedded(source: str, table: Path, work: Path, name: str) -> Floats:
    """(n, d) of every row of the table."""
    file = work / f"{name}.npz"
    if not file.exists():
        medsiam("embed", table, "--encoder", source, "--out", file)
    with np.load(file, allow_pickle=False) as stored:
        return np.asarray(stored["embeddings"], dtype=np.float64)


def cells(args: argparse.Namespace) -> dict[str, Any]:
    """Two folds: the fold's smears were never seen by its encoder; half is bank, half asks."""
    table = data() / "chula_rbc_cells" / "labels.csv"
    rows = rows_of(table)
    parts, sets, told = [], [], []
    for fold, (source, fold_table) in enumerate(zip(args.cells, args.folds, strict=True)):
        seen = {row["group"] for row in rows_of(fold_table) if row["split"] == "train"}
        vectors = embedded(source, table, args.work, f"cells_{fold}")
        unseen = [i for i, row in enumerate(rows) if row["group"] not in seen]
        own = case_arrays(
            vectors[unseen],
            [rows[i]["label"] for i in unseen],
            [rows[i]["group"] for i in unseen],
        )
        smears = np.random.default_rng(fold).permutation(own.n_patients)
        in_bank = np.isin(own.patients, smears[: own.n_patients // 2])
        for side in (in_bank, ~in_bank):  # each half asks the other
            entry = calibrate_metric(own.only(side), "cosine")
            if entry.probabilities is None:
                raise SystemExit(f"fold {fold}: {entry.probability_reason}")
            part = asked(own.only(side), own.only(~side), entry.probabilities.combined)
            known = np.isin(own.only(~side).conditions, own.only(side).conditions)
            parts.append({key: value[known] for key, value in part.items()})
        sets.append(coverage(own))
        others = {
            name: replace(own, embeddings=features[unseen])
            for name, features in peers(rows, table, seen, args.work).items()
        }
        told.append(open_set(own, others))
    found = join(parts)
    base = float(np.mean(found["shown"] == found["truth"][:, None]))
    return {
        "match_probability": match_figures(found, base),
        "sets_of_90": sets,
        "open_set": told,
        "set_aside": set_aside(found),
    }


def peers(rows: list[dict[str, str]], table: Path, seen: set[str], work: Path) -> dict[str, Floats]:
    """ImageNet features: plain, whitened, and with LDA on the cells that the encoder has seen."""
    file = work / "imagenet_cells.npz"
    if not file.exists():
        found = embed_case_rows(read_case_table(table).rows, imagenet_encoder(2))
        np.savez(file, embeddings=found.embeddings)
    with np.load(file, allow_pickle=False) as stored:
        features = stored["embeddings"]
    base = [i for i, row in enumerate(rows) if row["group"] in seen and row["role"] == "base"]
    names = [rows[i]["label"] for i in base]
    return {
        "ImageNet Lite0": features.astype(np.float64),
        "ImageNet Lite0 + whitening": whitened(features, features[base]).astype(np.float64),
        "ImageNet Lite0 + LDA": discriminants(features, features[base], names).astype(np.float64),
    }


def adrenal(args: argparse.Namespace) -> dict[str, Any]:
    """`default-3d`; the bank is of training glands that it was not fitted on."""
    table = data() / "adrenalmnist3d_64" / "labels.csv"
    rows = rows_of(table)
    # Half of the enlarged glands were in the fit, so half of the others stay out of the bank too:
    # conditions remain as frequent as in the official split.
    adrenal_table(args.work)
    seen = {Path(row["path"]).name for row in rows_of(args.work / "adrenal.csv")}
    train = [
        i
        for i, row in enumerate(rows)
        if row["split"] == "train" and Path(row["path"]).name not in seen
    ]
    normal = [i for i in train if rows[i]["label"] == "normal"]
    return glands(
        rows,
        embedded("default-3d", table, args.work, "adrenal"),
        sorted({*train} - {*normal[1::2]}),
    )


def adrenal_shapes(args: argparse.Namespace) -> dict[str, Any]:
    """An encoder of shapes trained on every second training gland; the bank is of the others."""
    table = data() / "adrenalmnist3d_64" / "labels.csv"
    rows = rows_of(table)
    parts = [
        [i for i, row in enumerate(rows) if (row["split"], row["label"]) == ("train", name)]
        for name in ("normal", "hyperplasia")
    ]
    half = args.work / "adrenal_half.csv"
    with half.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "condition", "split"))
        for i in sorted(i for part in parts for i in part[::2]):
            writer.writerow((table.parent / rows[i]["path"], rows[i]["label"], "train"))
    run = args.work / "adrenal_half"
    if not (run / "encoder").exists():
        medsiam("train", CONFIGS / "adrenal_3d.toml", f'data.cases="{half}"', "--out", run)
    vectors = embedded(str(run / "encoder"), table, args.work, "adrenal_shapes")
    return glands(rows, vectors, sorted(i for part in parts for i in part[1::2]))


def glands(rows: list[dict[str, str]], vectors: np.ndarray, train: list[int]) -> dict[str, Any]:
    """Figures of the val split's answers from a bank of the given training rows."""
    val = [i for i, row in enumerate(rows) if row["split"] == "val"]
    bank, queries = (
        case_arrays(vectors[part], [rows[i]["label"] for i in part], [str(i) for i in part])
        for part in (train, val)
    )
    entry = calibrate_metric(bank, "cosine")
    if entry.probabilities is None:
        raise SystemExit(f"adrenal: {entry.probability_reason}")
    found = asked(bank, queries, entry.probabilities.combined)
    base = float(np.mean(found["shown"] == found["truth"][:, None]))
    return {
        "match_probability": match_figures(found, base),
        "sets_of_90": [coverage(bank)],
        "set_aside": set_aside(found),
    }


def far_off(args: argparse.Namespace) -> dict[str, Any]:
    """Each data set as a bank, the others as queries, all as grey pictures of one size."""
    answers: dict[str, Any] = {}
    for name, source in (("default-2d", "default-2d"), ("trained on cells", args.cells[0])):
        pictures = grey_embeddings(source, args.work / f"far_{name.replace(' ', '_')}.npz")
        for bank_name in _FAR if name == "default-2d" else _FAR[:1]:
            rows = rows_of(data() / bank_name / "labels.csv")
            owner = "group" if bank_name == "chula_rbc_cells" else "patient_id"
            bank = case_arrays(
                pictures[bank_name], [row["label"] for row in rows], [row[owner] for row in rows]
            )
            own = nearest_three(leave_patients_out(bank, metric="cosine").nearest)
            space, found = make_space(bank.embeddings, bank.conditions, "cosine"), prototypes(bank)
            for other in _FAR:
                if other == bank_name:
                    continue
                distances = space.distances(
                    space.points(pictures[other]), space.points(bank.embeddings)
                )
                far = nearest_three(nearest_patients(patient_minima(distances, found), found))
                auroc = roc_auc(np.r_[own, far], np.r_[np.zeros(len(own)), np.ones(len(far))])
                limit = float(np.percentile(own, 99, method="higher"))
                answers[f"{name}: {other} asked of {bank_name}"] = {
                    "auroc": auroc,
                    "caught_by_the_limit": float(np.mean(far > limit)),
                    "n_bank": len(own),
                    "n_asked": len(far),
                }
    return answers


def grey_embeddings(source: str, file: Path) -> dict[str, Floats]:
    if not file.exists():
        encoder = load_encoder(source)
        found = {}
        for name in _FAR:
            paths = [data() / name / row["path"] for row in rows_of(data() / name / "labels.csv")]
            blocks = [
                encoder.embed([grey(path) for path in paths[start : start + 16]])
                for start in range(0, len(paths), 16)
            ]
            found[name] = np.concatenate(blocks)
        np.savez(file, **found)
    with np.load(file, allow_pickle=False) as stored:
        return {name: np.asarray(stored[name], dtype=np.float64) for name in _FAR}


def grey(path: Path) -> Scan:
    with Image.open(path) as picture:
        small = picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        return Scan(array=np.asarray(small, np.float32).T.copy(), spatial_dims=2)


def show(name: str, figures: dict[str, Any]) -> None:
    match = figures["match_probability"]
    print(f"\n{name}: {match['n_queries']} queries of {match['n_subjects']} subjects")
    print(f"  ECE {match['ece']:.3f} [{match['interval'][0]:.3f}, {match['interval'][1]:.3f}], "
          f"by luck {match['ece_by_luck']:.3f}; Brier {match['brier']:.3f}")  # fmt: skip
    for other, figure in match["uncalibrated"].items():
        low, high = figure["less ours"]
        print(f"    {other}: Brier {figure['brier']:.3f}; less ours [{low:.3f}, {high:.3f}]")
    for held in figures["sets_of_90"]:
        print(f"  sets of 90 %: held {held['mean']:.3f} ({held['least']:.2f} to {held['most']:.2f})"
              f", {held['mean_set_size']:.2f} of {held['n_conditions']} conditions")  # fmt: skip
    for fold, told in enumerate(figures.get("open_set", [])):
        for score, figure in told.items():
            low, high = figure["interval"]
            print(f"  fold {fold}, left-out condition, {score}: AUROC {figure['auroc']:.3f} "
                  f"[{low:.3f}, {high:.3f}]")  # fmt: skip
    aside = figures["set_aside"]
    print(f"  error {aside['error']:.3f}, least certain fifth set aside "
          f"{aside['error_without_the_least_certain_fifth']:.3f}: falls by "
          f"{aside['relative_fall']} {aside['interval']}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", type=Path, default=Path("runs/benchmark/held_out/cells"))
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark/calibration"))
    everything = ["cells", "adrenal", "adrenal_shapes", "far_off"]
    parser.add_argument("--only", nargs="+", choices=everything, default=everything)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    args.folds = [args.held_out / f"fold_{fold}.csv" for fold in (0, 1)]
    args.cells = [f"{fold.with_suffix('')}_gently_trained/encoder" for fold in args.folds]
    parts: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "cells": cells, "adrenal": adrenal, "adrenal_shapes": adrenal_shapes,
        "far_off": far_off,
    }  # fmt: skip
    figures = {}
    for name in args.only:
        figures[name] = parts[name](args)
        if name != "far_off":
            show(name, figures[name])
            continue
        for what, figure in figures[name].items():
            print(f"  {what}: AUROC {figure['auroc']:.4f}, limit catches "
                  f"{figure['caught_by_the_limit']:.0%}")  # fmt: skip
    print(f"written: {write_result('calibration', figures)}")


if __name__ == "__main__":
    main()
