"""Rank conditions: by nearest patient, by a vote of the nearest patients, by prototype."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import (
    CaseArrays,
    nearest_of_each_patient,
    rank_by_distance,
)
from medsiam.comparison.result import ConditionRank, Rule
from medsiam.comparison.space import Space


@dataclass(frozen=True, eq=False)
class Prototypes:
    """One mean embedding per condition, and what it was made of.

    Attributes:
        conditions: in alphabetical order.
        centres: (n_conditions, d) prototypes.
        patient_means: (m, d) mean embedding of each patient of each condition.
        condition_of: (m,) position of the condition of each of them.
        patient_of: (m,) code of the patient of each of them.
        group_of_case: (n,) position among the m, for each case.
    """

    conditions: tuple[str, ...]
    centres: NDArray[np.float64]
    patient_means: NDArray[np.float64]
    condition_of: NDArray[np.intp]
    patient_of: NDArray[np.intp]
    group_of_case: NDArray[np.intp]


def rank_conditions(
    distances: NDArray[np.floating],
    cases: CaseArrays,
    *,
    prototype_distances: dict[str, float],
    temperature: float,
    k: int,
    rule: Rule,
    combined: dict[str, tuple[float, float]] | None = None,
) -> tuple[ConditionRank, ...]:
    """All conditions with all three figures, in the order that `rule` gives.

    Several cases of one patient count once, by the nearest of them. Ties are broken by the
    nearest distance, then by the case_id under it.

    Args:
        distances: (n,) from the query to each case.
        cases: the n cases that take part.
        prototype_distances: condition -> distance from the query to its prototype.
        temperature: of the softmax over prototype distances, see `prototype_spread`.
        k: number of nearest patients that vote; all of them where there are fewer.
        rule: "nearest", "vote", "prototype" or, where `combined` is given, "combined".
        combined: condition -> combined distance and probability, of a calibrated bank.
    """
    order = rank_by_distance(distances, cases.case_ids)
    voters = nearest_of_each_patient(order, cases.patients)[:k]
    voting = cases.conditions[voters]
    shares = softmax_shares(prototype_distances, temperature)
    entries = []
    for condition in np.unique(cases.conditions):
        own = cases.conditions == condition
        nearest = order[own[order]][0]
        name = str(condition)
        entries.append(
            ConditionRank(
                rank=0,
                condition=name,
                distance=float(distances[nearest]),
                n_patients=len(np.unique(cases.patients[own])),
                nearest_case_id=str(cases.case_ids[nearest]),
                votes=float(np.mean(voting == condition)),
                prototype_distance=prototype_distances[name],
                prototype_share=shares[name],
                combined_distance=None if combined is None else combined[name][0],
                probability=None if combined is None else combined[name][1],
            )
        )
    entries.sort(key=_ORDER[rule])
    return tuple(replace(entry, rank=rank) for rank, entry in enumerate(entries, start=1))


def prototypes(cases: CaseArrays) -> Prototypes:
    """Average the embeddings of each patient, then the patients of each condition.

    Snell et al. 2017 (Prototypical Networks), section 2.3, with patients in place of images:
    every patient has the same weight, however many cases he has.
    """
    names, codes = np.unique(cases.conditions, return_inverse=True)
    n_patients = int(cases.patients.max()) + 1
    groups, group_of_case = np.unique(codes * n_patients + cases.patients, return_inverse=True)
    means = _mean_by_group(cases.embeddings, group_of_case)
    condition_of = groups // n_patients
    centres = _mean_by_group(means, condition_of)
    return Prototypes(
        tuple(names.tolist()), centres, means, condition_of, groups % n_patients, group_of_case
    )


def without_patients(found: Prototypes, keep: NDArray[np.bool_]) -> Prototypes:
    """The prototypes as if some patients had never been added, at a fraction of the work.

    Args:
        found: of n cases.
        keep: (n,) false for all cases of the patients left out; true at least once.

    Returns:
        what `prototypes` gives for the kept cases alone, to the last digit.
    """
    kept = np.zeros(len(found.condition_of), dtype=bool)
    kept[found.group_of_case[keep]] = True
    centres = found.centres.copy()
    for code in np.unique(found.condition_of[~kept]):
        own = kept & (found.condition_of == code)
        if own.any():
            centres[code] = _mean_by_group(
                found.patient_means[own], np.zeros(int(own.sum()), dtype=np.intp)
            )[0]
    left, condition_of = np.unique(found.condition_of[kept], return_inverse=True)
    return Prototypes(
        conditions=tuple(found.conditions[code] for code in left),
        centres=centres[left],
        patient_means=found.patient_means[kept],
        condition_of=condition_of,
        patient_of=found.patient_of[kept],
        group_of_case=(np.cumsum(kept) - 1)[found.group_of_case[keep]],
    )


def own_distances(
    found: Prototypes, space: Space, among: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """(m,) distance of each patient's mean to the prototype of his condition; NaN where alone.

    Args:
        found: the prototypes.
        space: in which distances are taken.
        among: (m,) false where it is not asked for, and NaN; None: all.
    """
    asked = (np.bincount(found.condition_of) >= 2)[found.condition_of]
    if among is not None:
        asked &= among
    distances = np.full(len(asked), np.nan)
    if asked.any():
        centres = space.points(found.centres)[found.condition_of[asked]]
        distances[asked] = space.of_rows(space.points(found.patient_means[asked]), centres)
    return distances


def prototype_spread(distances: NDArray[np.float64]) -> float:
    """The bank's natural unit for prototype distances: how far patients lie from their own.

    The median, over all patients of conditions with at least two patients, of the distance from
    a patient's mean embedding to the prototype of his condition. As the temperature of the softmax
    it makes shares independent of the scale of the metric: one such distance more divides a
    condition's share by e. Where no condition has two patients, or the median is zero, 1.

    Args:
        distances: of `own_distances`.
    """
    known = distances[np.isfinite(distances)]
    spread = float(np.median(known)) if len(known) else 0.0
    return spread if spread > 0 else 1.0


def softmax_shares(distances: dict[str, float], temperature: float) -> dict[str, float]:
    """Shares that sum to 1, larger for nearer: softmax(-distance / temperature).

    A share says how near each prototype lies compared with the others. It is no probability.
    """
    scores = -np.array(list(distances.values())) / temperature
    weights = np.exp(scores - scores.max())
    return dict(zip(distances, (weights / weights.sum()).tolist(), strict=True))


_ORDER: dict[Rule, Callable[[ConditionRank], tuple[float, float, str]]] = {
    "nearest": lambda entry: (entry.distance, entry.distance, entry.nearest_case_id),
    "vote": lambda entry: (-entry.votes, entry.distance, entry.nearest_case_id),
    "prototype": lambda entry: (entry.prototype_distance, entry.distance, entry.nearest_case_id),
    "combined": lambda entry: (
        math.inf if entry.combined_distance is None else entry.combined_distance,
        entry.distance,
        entry.nearest_case_id,
    ),
}


def _mean_by_group(rows: NDArray[np.floating], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """Mean of the rows (n, d) of each group; groups are numbered from 0 without gaps."""
    counts = np.bincount(groups)
    order = np.argsort(groups, kind="stable")
    starts = np.cumsum(counts) - counts
    sums = np.add.reduceat(rows[order].astype(np.float64), starts, axis=0)
    return np.asarray(sums / counts[:, np.newaxis], dtype=np.float64)
