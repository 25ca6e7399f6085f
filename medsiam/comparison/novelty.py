"""The honest "none of these": how far apart the bank's own cases lie from one another.

For each case of the bank: the distance to the nearest case of any other patient, of whatever
condition. Nineteen of twenty lie within the 95th percentile of these distances; a query whose
nearest case lies farther than that is like nothing in the bank.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space

MIN_PATIENTS = 10
PERCENTILE = 95
# A percentile needs no more cases than this; larger banks are measured at evenly spread ones.
MAX_MEASURED = 2000
_CELLS_AT_ONCE = 4_000_000  # distances held in memory at a time (32 MB)


@dataclass(frozen=True, eq=False)
class NearestOthers:
    """For measured cases of a bank: their nearest case of another patient.

    Attributes:
        rows: (m,) positions of the measured cases.
        distances: (m,) to the nearest case of another patient.
        nearest: (m,) position of that case.
    """

    rows: NDArray[np.intp]
    distances: NDArray[np.float64]
    nearest: NDArray[np.intp]


@dataclass(frozen=True)
class Limit:
    """The distance beyond which the answer is "none of these", or why there is none.

    Attributes:
        value: the distance; None where the bank is too small.
        source: one phrase for a person.
    """

    value: float | None
    source: str


def nearest_others(
    cases: CaseArrays,
    points: NDArray[np.float64],
    space: Space,
    *,
    rows: NDArray[np.intp] | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> NearestOthers:
    """Find for each case the nearest case of another patient.

    Args:
        cases: the bank.
        points: (n, d) its cases in `space`.
        space: in which distances are taken.
        rows: positions to measure; by default all, or `MAX_MEASURED` evenly spread ones.
        allowed: (n,) true for cases that may be a neighbour; all by default.
    """
    n = len(cases)
    if rows is None:
        rows = np.unique(np.linspace(0, n - 1, min(n, MAX_MEASURED)).astype(np.intp))
    distances = np.empty(len(rows))
    nearest = np.empty(len(rows), dtype=np.intp)
    step = max(1, _CELLS_AT_ONCE // n)
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        found = space.distances(points[rows[part]], points)
        found[cases.patients[rows[part]][:, np.newaxis] == cases.patients] = np.inf
        if allowed is not None:
            found[:, ~allowed] = np.inf
        nearest[part] = found.argmin(axis=1)
        distances[part] = found.min(axis=1)
    return NearestOthers(rows, distances, nearest)


def limit_without(
    others: NearestOthers | None,
    cases: CaseArrays,
    points: NDArray[np.float64],
    space: Space,
    *,
    keep: NDArray[np.bool_],
) -> Limit:
    """The limit of the bank as if the query's own patient had never been added.

    His cases must not set the limit he is judged by: a rare condition alone in the bank would
    otherwise always count as near. Only cases whose nearest neighbour is left out are measured
    again.

    Args:
        others: of the whole bank; None where it has fewer than `MIN_PATIENTS` patients.
        cases: the whole bank.
        points: (n, d) its cases in `space`.
        space: in which distances are taken.
        keep: (n,) false for the cases of the query's own patient.
    """
    n_patients = cases.only(keep).n_patients
    if others is None or n_patients < MIN_PATIENTS:
        return Limit(
            None,
            f"too few patients (n={n_patients}) to know how far apart cases of this bank lie; "
            f"{MIN_PATIENTS} are needed",
        )
    kept = keep[others.rows]
    stale = kept & ~keep[others.nearest]
    distances = others.distances.copy()
    if stale.any():
        again = nearest_others(cases, points, space, rows=others.rows[stale], allowed=keep)
        distances[stale] = again.distances
    value = nearest_percentile(distances[kept])
    measured = f"{int(kept.sum())} cases of {n_patients} patients in this bank"
    return Limit(
        value,
        f"{PERCENTILE}th percentile of the {space.metric} distances from {measured} to the nearest "
        "case of another patient",
    )


def nearest_percentile(distances: NDArray[np.float64]) -> float:
    """The smallest measured distance that at least 95 of 100 do not exceed.

    NumPy's percentile with method "higher": a distance that was really seen, on the cautious
    side of calling a query foreign.
    """
    value = float(np.percentile(distances, PERCENTILE, method="higher"))
    if not math.isfinite(value):
        raise ValueError("distances must be finite: every case needs one of another patient")
    return value
