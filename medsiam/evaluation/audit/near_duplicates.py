"""Cases of two patients that lie nearer than two patients plausibly do: one patient twice?

A pair of patients is named where each is the other's nearest, both lie at most 0.6 times as far
from each other as from any third patient, and their distance is an outlier among all patients'
nearest distances (two robust standard deviations below the median of the logarithms); or where
they are the same to a thousandth of the median. The limits were chosen on blood cells, chest
radiographs and hearts, in which they name one cell pictured in two smears and one heart filed
under two patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases, nearest_of_groups

Floats = NDArray[np.float64]

_RATIO = 0.6
_BELOW = 2.0  # robust standard deviations
_SAME = 1e-3  # of the median
_TO_SIGMA = 1.4826  # of a median absolute deviation, under a normal distribution


@dataclass(frozen=True)
class NearDuplicate:
    """The nearest cases of two patients that are unduly alike.

    Attributes:
        case_a, case_b: which.
        condition_a, condition_b: theirs.
        distance: between them.
        median: of all patients' distances to their nearest patient.
        ratio: of their distance to that of the nearest third patient; None with two patients.
    """

    case_a: str
    case_b: str
    condition_a: str
    condition_b: str
    distance: float
    median: float
    ratio: float | None


def find_near_duplicates(found: AuditCases) -> tuple[NearDuplicate, ...]:
    """Pairs of patients that may be one, the nearest first."""
    between = nearest_of_groups(
        nearest_of_groups(found.distances, found.patients).T, found.patients
    )
    between = np.minimum(between, between.T)
    np.fill_diagonal(between, np.inf)
    first = between.min(axis=1)
    third = _third(between)
    median = float(np.median(first))
    logs = np.log(np.maximum(first, max(1e-12, 1e-9 * median)))
    middle = float(np.median(logs))
    spread = _TO_SIGMA * float(np.median(np.abs(logs - middle)))
    a, b = np.nonzero(np.triu(between <= np.maximum(first[:, None], _SAME * median), k=1))
    named = []
    for i, j in zip(a.tolist(), b.tolist(), strict=True):
        distance = float(between[i, j])
        ratio = distance / max(float(min(third[i], third[j])), 1e-300)
        mutual = distance <= first[i] and distance <= first[j]
        low = np.log(max(distance, 1e-12)) < middle - max(_BELOW * spread, 0.1)
        if distance <= _SAME * median or (mutual and low and ratio < _RATIO):
            known = bool(np.isfinite(min(third[i], third[j])))
            named.append(_pair(found, i, j, median, ratio if known else None))
    return tuple(sorted(named, key=lambda pair: pair.distance))


def _third(between: Floats) -> Floats:
    """(p,) distance to the second nearest patient."""
    if len(between) < 3:
        return np.full(len(between), np.inf)
    second: Floats = np.partition(between, 1, axis=1)[:, 1]
    return second


def _pair(found: AuditCases, i: int, j: int, median: float, ratio: float | None) -> NearDuplicate:
    of_i, of_j = np.flatnonzero(found.patients == i), np.flatnonzero(found.patients == j)
    distances = np.minimum(
        found.distances[np.ix_(of_i, of_j)], found.distances[np.ix_(of_j, of_i)].T
    )
    at = np.unravel_index(int(distances.argmin()), distances.shape)
    a, b = of_i[at[0]], of_j[at[1]]
    return NearDuplicate(
        str(found.case_ids[a]),
        str(found.case_ids[b]),
        found.names[found.labels[a]],
        found.names[found.labels[b]],
        float(distances.min()),
        median,
        ratio,
    )
