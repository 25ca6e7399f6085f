"""The figures of `calibration.py`: what probabilities, sets and limits are worth, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from medsiam.comparison.calibrating import calibrate_metric
from medsiam.comparison.combined import Combined
from medsiam.comparison.conditions import prototypes
from medsiam.comparison.conformal import conformal_limit
from medsiam.comparison.leave_patient_out import (
    LeftOut,
    leave_patients_out,
    nearest_patients,
    patient_minima,
)
from medsiam.comparison.matching import CaseArrays, patient_codes
from medsiam.comparison.pair_probability import drawn_matches, out_of_fold
from medsiam.comparison.rejection import measure_rejection
from medsiam.comparison.reliability import brier, measure_reliability
from medsiam.comparison.space import make_space
from medsiam.metrics import cluster_bootstrap

Floats = np.ndarray[Any, np.dtype[np.float64]]
N_SPLITS = 20


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
    """Error of the leading condition, whole and without the fifth of least certainty.

    Certain is who gives the first condition a much higher probability than the second. That lead
    was chosen on ultrasound, chest films and hearts, where it parted right from wrong answers
    (AUROC .836, mean of the three) about as well as the largest probability (.833), better than
    the entropy (.820) or the distance (.761), and no worse than fitted mixtures (.805 to .841).
    """
    wrong = found["given"].argmax(axis=1) != found["truth"]
    first_two = np.sort(found["given"], axis=1)[:, -2:]
    order = np.argsort(first_two[:, 1] - first_two[:, 0], kind="stable")
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
    for _ in range(N_SPLITS):
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
