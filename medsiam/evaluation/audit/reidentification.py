"""How well embeddings betray the patient: the same patient's other scan among everybody's.

Two questions, each where a bank can answer it. `other phase`: a scan of one phase looks for its
patient among all scans of another phase (phases differ systematically, so candidates are of the
other phase only). `other case`: a case looks for another case of its patient among all others.
Where cases of one condition resemble each other, part of what is found is the condition; so the
same is measured among patients of the own condition only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import pairwise_distances
from medsiam.evaluation.chance import chance_precision
from medsiam.evaluation.halves import over_halves
from medsiam.evaluation.influence import auc_influence, sum_of_each
from medsiam.evaluation.result import Figure
from medsiam.evaluation.spread import Spread
from medsiam.metrics import precision_at_k

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Betrayal:
    """One question asked of one kind of vectors.

    Attributes:
        vectors: "embeddings" or "pixels".
        question: "other phase" or "other case".
        within_condition: whether candidates are of the query's condition only.
        auc: probability that a scan of the same patient is nearer than one of another.
        precision_at_1: share of queries whose nearest candidate is of the same patient.
    """

    vectors: str
    question: str
    within_condition: bool
    auc: Figure
    precision_at_1: Figure


@dataclass(frozen=True)
class Reidentification:
    """What was measured.

    Attributes:
        measured: each question and kind of vectors.
        reason: why nothing, or not all, could be measured; None where all was.
    """

    measured: tuple[Betrayal, ...]
    reason: str | None


def measure_reidentification(
    vectors: dict[str, ArrayLike],
    *,
    labels: Codes,
    patients: Codes,
    phases: Sequence[str],
    metric: str,
    random_state: int,
) -> Reidentification:
    """Look for each patient's other scans.

    Args:
        vectors: "embeddings", and "pixels" where they are kept, -> (n, n_phases * d).
        labels: (n,) conditions.
        patients: (n,) codes from 0.
        phases: of every case.
        metric: "cosine" or "euclidean".
        random_state: seed of the intervals.
    """
    measured = []
    for name, values in vectors.items():
        for question, asking in _questions(np.asarray(values, np.float64), phases, metric):
            for within in (False, True):
                found = _measure(
                    asking, labels=labels, patients=patients, within=within, seed=random_state
                )
                if found is not None:
                    measured.append(Betrayal(name, question, within, *found))
    if not measured:
        return Reidentification(
            (),
            "fewer than two patients of this bank have two scans (two phases of a case, or two "
            "cases), so that re-identification cannot be measured on it",
        )
    missing = None if "pixels" in vectors else "this bank keeps no pixels to measure beside it"
    return Reidentification(tuple(measured), missing)


@dataclass(frozen=True, eq=False)
class _Asking:
    """Distances (n, n) from scans to scans, and whether a case may meet itself."""

    distances: Floats
    itself: bool


def _questions(
    x: Floats, phases: Sequence[str], metric: str
) -> Iterator[tuple[str, list[_Asking]]]:
    parts = np.split(x, len(phases), axis=1)
    if len(parts) > 1:
        yield (
            "other phase",
            [
                _Asking(pairwise_distances(parts[a], parts[b], metric=metric), itself=True)
                for a, b in permutations(range(len(parts)), 2)
            ],
        )
    yield "other case", [_Asking(pairwise_distances(x, x, metric=metric), itself=False)]


def _measure(
    asking: list[_Asking], *, labels: Codes, patients: Codes, within: bool, seed: int
) -> tuple[Figure, Figure] | None:
    """AUC and P@1 over all directions; None where no scan has another of its patient to find."""
    n = len(labels)
    same = patients[:, None] == patients[None, :]
    # Between phases the other scan of the own case counts too; between cases a case is no other.
    meets = np.full((n, n), asking[0].itself) | ~np.eye(n, dtype=bool)
    if within:
        meets &= labels[:, None] == labels[None, :]
    answerable = (same & meets).any(axis=1) & (~same & meets).any(axis=1)
    if len(np.unique(patients[answerable])) < 2:
        return None
    rows = np.flatnonzero(answerable)
    meets = meets[rows]
    distances = [np.where(meets, one.distances[rows], np.inf) for one in asking]
    return (
        _auc(distances, same[rows], meets, rows, patients),
        _precision(distances, same[rows], meets, rows, patients, seed),
    )


def _auc(distances: list[Floats], same: Mask, meets: Mask, rows: Codes, patients: Codes) -> Figure:
    a, b = np.nonzero(meets)
    scores = np.concatenate([-one[a, b] for one in distances])
    positive = np.tile(same[a, b], len(distances))
    value, pull = auc_influence(scores, positive)
    ends = np.tile(np.stack([patients[rows[a]], patients[b]]), len(distances))
    n_patients = int(patients.max()) + 1
    influence = sum_of_each(ends[0], pull, n_patients)
    # A pair of one patient's own scans weighs as that patient does, not as his square.
    other = ~positive
    influence += sum_of_each(ends[1][other], pull[other], n_patients)
    asked = np.unique(patients[rows])
    low, high = Spread(value, influence, n_asked=len(asked)).interval()
    return Figure(value, low, high, 0.5, None, len(rows) * len(distances), len(asked))


def _precision(
    distances: list[Floats], same: Mask, meets: Mask, rows: Codes, patients: Codes, seed: int
) -> Figure:
    """P@1, with the spread over random halves of the patients."""
    owners = patients[rows]

    def value(drawn: Mask) -> dict[str, float]:
        asks, there = drawn[owners], drawn[patients]
        parts = [one[asks][:, there] for one in distances]
        relevant = same[asks][:, there]
        if not relevant.size:
            return {"value": float("nan")}
        hits = np.concatenate([precision_at_k(part, relevant, 1) for part in parts])
        known = hits[np.isfinite(hits)]
        return {"value": float(known.mean()) if len(known) else float("nan")}

    n_patients = int(patients.max()) + 1
    full = value(np.ones(n_patients, dtype=bool))["value"]
    halves = over_halves(value, n_patients, random_state=seed)["value"]
    asked = len(np.unique(owners))
    low, high = Spread(full, np.zeros(asked), resamples=halves, n_asked=asked).interval()
    chance = chance_precision((same & meets).sum(axis=1), meets.sum(axis=1)).mean()
    return Figure(full, low, high, float(chance), None, len(rows) * len(distances), asked)
