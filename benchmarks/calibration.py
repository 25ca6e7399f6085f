"""Claim: what medsiam says about a distance is true on subjects that nothing was fitted on.

Cells (an encoder trained without the smears that are asked and without those of the bank's
calibration; bank and queries share no smear) and adrenal glands (an encoder of shapes trained on
half of the official train split; bank: the other half, queries: the val split). Measured:
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
from few_shot import medsiam
from machine import write_result
from PIL import Image
from ship_encoders import CONFIGS

from medsiam.cases import read_case_table
from medsiam.comparison.calibrating import calibrate_metric
from medsiam.comparison.combined import Combined
from medsiam.comparison.conditions import prototypes
from medsiam.comparison.conformal import conformal_limit
from medsiam.comparison.leave_patient_out import (
    LeftOut,
    leave_patients_out,
    nearest_patients,
    nearest_three,
    patient_minima,
)
from medsiam.comparison.matching import CaseArrays, patient_codes
from medsiam.comparison.pair_probability import drawn_matches, out_of_fold
from medsiam.comparison.rejection import measure_rejection
from medsiam.comparison.reliability import brier, measure_reliability
from medsiam.comparison.space import make_space
from medsiam.encoders import embed_case_rows, load_encoder
from medsiam.encoders.baselines.linear_steps import discriminants, whitened
from medsiam.encoders.baselines.networks import imagenet_encoder
from medsiam.metrics import cluster_bootstrap, roc_auc
from medsiam.scans import Scan

Floats = np.ndarray[Any, np.dtype[np.float64]]
_SIDE = 80  # pixels of the far-off test
_FAR = ("chula_rbc_cells", "cxr_rare_pneumonia", "lung_ultrasound")
_SPLITS = 20


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


def case_arrays(vectors: Floats, labels: list[str], subjects: list[str]) -> CaseArrays:
    return CaseArrays(
        np.array([f"c{i:05d}" for i in range(len(labels))]),
        np.array(labels),
        patient_codes(subjects),
        vectors,
    )


def asked(bank: CaseArrays, queries: CaseArrays, learned: Combined) -> dict[str, Any]:
    """Distances and probabilities of queries whose subjects the bank does not hold."""
    space = make_space(bank.embeddings, bank.conditions, "cosine")
    found = prototypes(bank)
    points = space.points(queries.embeddings)
    by_patient = patient_minima(space.distances(points, space.points(bank.embeddings)), found)
    nearest = nearest_patients(by_patient, found)
    to_prototype = space.distances(points, space.points(found.centres))
    distances = learned.distances(nearest, to_prototype)
    order = np.argsort(by_patient, axis=1, kind="stable")[:, :5]
    return {
        "truth": np.searchsorted(found.conditions, queries.conditions),
        "patients": queries.patients,
        "combined": distances,
        "given": learned.probabilities(distances),
        "shown": found.condition_of[order],
        "shown_distances": np.take_along_axis(by_patient, order, axis=1),
        "nearest": nearest,
    }


def join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    offset, patients = 0, []
    for part in parts:
        patients.append(part["patients"] + offset)
        offset += int(part["patients"].max()) + 1
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return {**joined, "patients": np.concatenate(patients)}


def match_figures(found: dict[str, Any], learned_base: float) -> dict[str, Any]:
    """Calibration and Brier score of the five pairs shown for each query."""
    rows = np.repeat(np.arange(len(found["truth"])), found["shown"].shape[1])
    shown, distances = found["shown"].ravel(), found["shown_distances"].ravel()
    said, right = found["given"][rows, shown], shown == found["truth"][rows]
    lucky = drawn_matches(found["given"], shown, rows)
    seen = measure_reliability(said, right, found["patients"][rows], lucky=lucky)
    ours = (said - right) ** 2
    others = {
        "1 - d": np.clip(1 - distances, 0, 1),
        "1 / (1 + d)": 1 / (1 + distances),
        "base rate of the bank": np.full(len(said), learned_base),
    }
    better = {}
    for name, given in others.items():
        gain = ((given - right) ** 2 - ours + 1) / 2
        low, high = cluster_bootstrap(gain, found["patients"][rows])
        better[name] = {
            "brier": brier(given, right),
            "less ours": [2 * low - 1, 2 * high - 1],
        }
    return {
        "ece": seen.ece,
        "interval": [seen.low, seen.high],
        "ece_by_luck": seen.ece_by_luck,
        "n_pairs": seen.n_answers,
        "n_queries": len(found["truth"]),
        "n_subjects": seen.n_patients,
        "brier": brier(said, right),
        "uncalibrated": better,
        "bins": [[part.probability, part.observed, part.weight] for part in seen.bins],
    }


def set_aside(found: dict[str, Any]) -> dict[str, Any]:
    """Error of the leading condition, whole and without the fifth of least probability."""
    wrong = found["given"].argmax(axis=1) != found["truth"]
    order = np.argsort(found["given"].max(axis=1), kind="stable")
    kept = order[len(order) // 5 :]
    whole, rest = float(wrong.mean()), float(wrong[kept].mean())
    owners = np.unique(found["patients"], return_inverse=True)[1]
    n = int(owners.max()) + 1
    rng, falls = np.random.default_rng(0), []
    for draw in rng.multinomial(n, np.full(n, 1 / n), size=1000):
        weights = draw[owners].astype(float)
        if (wrong * weights).sum():
            before = np.average(wrong, weights=weights)
            falls.append(1 - np.average(wrong[kept], weights=weights[kept]) / before)
    low, high = np.quantile(falls, [0.025, 0.975]) if falls else (float("nan"),) * 2
    return {
        "error": whole,
        "error_without_the_least_certain_fifth": rest,
        "relative_fall": 1 - rest / whole if whole else None,
        "interval": [float(low), float(high)],
    }


def coverage(cases: CaseArrays, random_state: int = 0) -> dict[str, Any]:
    """Sets of 0.9 over 20 random splits: half the subjects calibrate, the other half asks."""
    found = leave_patients_out(cases, metric="cosine")
    given = out_of_fold(found)
    owners = np.unique(found.patients, return_inverse=True)[1]
    of_true = given[np.arange(len(given)), found.truth]
    rng, held, sizes = np.random.default_rng(random_state), [], []
    for _ in range(_SPLITS):
        half = np.isin(owners, rng.permutation(owners.max() + 1)[: (owners.max() + 1) // 2])
        limit = conformal_limit(of_true[half], owners[half], 0.9)
        inside = (given[~half] >= limit) | (given[~half] == given[~half].max(1, keepdims=True))
        held.append(float(inside[np.arange(len(inside)), found.truth[~half]].mean()))
        sizes.append(float(inside.sum(axis=1).mean()))
    return {
        "mean": float(np.mean(held)),
        "least": min(held),
        "most": max(held),
        "mean_set_size": float(np.mean(sizes)),
        "n_conditions": len(found.conditions),
        "n_subjects": int(owners.max()) + 1,
    }


def open_set(ours: CaseArrays, others: dict[str, CaseArrays]) -> dict[str, Any]:
    """A left-out condition told by the combined distance, and by plain nearest distances."""
    found = leave_patients_out(ours, metric="cosine")
    entry = calibrate_metric(ours, "cosine")
    if entry.rejection is None:
        return {}
    answer = {
        "combined distance": {
            "auroc": entry.rejection.auroc,
            "interval": [entry.rejection.low, entry.rejection.high],
            "known_rejected": entry.rejection.known_rejected.value,
            "unknown_accepted": entry.rejection.unknown_accepted.value,
        }
    }
    scores: dict[str, LeftOut] = {"our encoder": found}
    for name, peer in others.items():
        scores[name] = leave_patients_out(peer, metric="cosine")
    for name, who in scores.items():
        told = measure_rejection(who.nearest[:, :, 0], who)
        if told is not None:
            answer[f"{name}, nearest distance"] = {
                "auroc": told.auroc,
                "interval": [told.low, told.high],
            }
    return answer


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
    table = data() / "adrenalmnist3d_64" / "labels.csv"
    rows = rows_of(table)
    # What the encoder was trained on is no fair bank: it gets every second gland of a condition.
    parts = [
        [i for i, row in enumerate(rows) if (row["split"], row["label"]) == ("train", name)]
        for name in ("normal", "hyperplasia")
    ]
    train = sorted(i for part in parts for i in part[1::2])
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
    parser.add_argument("--only", nargs="+", default=["cells", "adrenal", "far_off"])
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    args.folds = [args.held_out / f"fold_{fold}.csv" for fold in (0, 1)]
    args.cells = [f"{fold.with_suffix('')}_gently_trained/encoder" for fold in args.folds]
    parts: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "cells": cells, "adrenal": adrenal, "far_off": far_off,
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
