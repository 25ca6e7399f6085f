"""Cases of two patients that lie nearer than two patients plausibly do: one patient twice?

A pair of patients is named where each is the other's nearest, both lie at most 0.6 times as far
from each other as from any third patient, and their distance is an outlier among all patients'
nearest distances (two robust standard deviations below the median of the logarithms); or where
they are the same to a thousandth of the median; or where their pictures are the same by their
hashes (`medsiam.bank.same_picture`), whatever the distance. The limits were chosen on blood cells,
chest radiographs and hearts, in which they name one cell pictured in two smears and one heart
filed under two patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        same_picture: their pictures are the same, but for how they were saved.
    """

    case_a: str
    case_b: str
    condition_a: str
    condition_b: str
    distance: float
    median: float
    ratio: float | None
    same_picture: bool = False


def find_near_duplicates(
    found: AuditCases, same_pictures: Sequence[tuple[int, int]] = ()
) -> tuple[NearDuplicate, ...]:
    """Pairs of patients that may be one, the nearest first.

    Args:
        found: the cases.
        same_pictures: positions of cases of two patients that show the same picture.
    """
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
    copies = {tuple(sorted(found.case_ids[list(pair)].tolist())): pair for pair in same_pictures}
    for place, pair in enumerate(named):
        if copies.pop(tuple(sorted((pair.case_a, pair.case_b))), None):
            named[place] = replace(pair, same_picture=True)
    named += [_of_cases(found, a, b, median, None, same_picture=True) for a, b in copies.values()]
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
    return _of_cases(found, int(of_i[at[0]]), int(of_j[at[1]]), median, ratio)


def _of_cases(
    found: AuditCases,
    a: int,
    b: int,
    median: float,
    ratio: float | None,
    *,
    same_picture: bool = False,
) -> NearDuplicate:
    return NearDuplicate(
        str(found.case_ids[a]),
        str(found.case_ids[b]),
        found.names[found.labels[a]],
        found.names[found.labels[b]],
        float(min(found.distances[a, b], found.distances[b, a])),
        median,
        ratio,
        same_picture,
    )
