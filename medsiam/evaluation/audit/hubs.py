"""Hubs, which are near to unduly many cases, and orphans, which are near to nothing.

M. Radovanovic, A. Nanopoulos and M. Ivanovic, "Hubs in space", J. Machine Learning Research 11
(2010) 2487-2531: in many dimensions a few cases are among the nearest of very many others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases
from medsiam.evaluation.audit.neighbours import VOTERS, Neighbours

_UNDUE = 3.0  # standard deviations above the mean number of occurrences
_FAR = 3.0  # quartile ranges above the upper quartile of the logarithm of distances


@dataclass(frozen=True)
class Hub:
    """One case that is the neighbour of many.

    Attributes:
        case_id, condition: which.
        n_near: cases that have it among their nearest five patients.
        n_wrong: those of them that have another condition.
    """

    case_id: str
    condition: str
    n_near: int
    n_wrong: int


@dataclass(frozen=True)
class Orphan:
    """One case far from every other patient's.

    Attributes:
        case_id, condition: which.
        distance: to the nearest case of another patient.
        ratio: that distance over the median of all cases' own.
    """

    case_id: str
    condition: str
    distance: float
    ratio: float


@dataclass(frozen=True)
class Hubs:
    """How evenly the cases serve as neighbours.

    Attributes:
        k: nearest patients that count.
        skewness: of the occurrences; 0 = even, above 1.4 few cases dominate.
        occurrences: (n,) of each case, in the bank's order.
        hubs: more than three standard deviations above the mean, the worst first.
        n_never: cases among nobody's nearest: they serve no comparison.
        orphans: unduly far from everything, the farthest first.
    """

    k: int
    skewness: float
    occurrences: tuple[int, ...]
    hubs: tuple[Hub, ...]
    n_never: int
    orphans: tuple[Orphan, ...]


def measure_hubs(found: AuditCases, neighbours: Neighbours) -> Hubs:
    """Count how often each case is among the nearest patients of another case."""
    near = neighbours.cases[:, :VOTERS]
    rows, columns = np.nonzero(near >= 0)
    served = near[rows, columns]
    wrong = found.labels[served] != found.labels[rows]
    counts = np.bincount(served, minlength=len(found))
    n_wrong = np.bincount(served, weights=wrong, minlength=len(found)).astype(np.intp)
    spread = float(counts.std())
    skewness = float(np.mean((counts - counts.mean()) ** 3)) / spread**3 if spread else 0.0
    undue = np.flatnonzero(counts > counts.mean() + _UNDUE * spread)
    undue = undue[np.lexsort((-counts[undue], -n_wrong[undue]))]
    return Hubs(
        VOTERS,
        skewness,
        tuple(counts.tolist()),
        tuple(
            Hub(
                str(found.case_ids[i]),
                found.names[found.labels[i]],
                int(counts[i]),
                int(n_wrong[i]),
            )
            for i in undue
        ),
        int((counts == 0).sum()),
        _orphans(found),
    )


def _orphans(found: AuditCases) -> tuple[Orphan, ...]:
    nearest = found.distances.min(axis=1)
    logs = _log(nearest)
    low, high = np.quantile(logs, [0.25, 0.75])
    # Where all distances are alike the quartiles coincide: a tenth farther is then no orphan yet.
    far = np.flatnonzero(logs > high + _FAR * max(high - low, 0.1))
    median = float(np.median(nearest))
    return tuple(
        Orphan(
            str(found.case_ids[i]),
            found.names[found.labels[i]],
            float(nearest[i]),
            float(nearest[i]) / max(median, 1e-300),
        )
        for i in far[np.argsort(-nearest[far], kind="stable")]
    )


def _log(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    floor = max(1e-12, 1e-9 * float(np.median(distances)))
    logs: NDArray[np.float64] = np.log(np.maximum(distances, floor))
    return logs
