"""A distance in words: nearer than how many of 100 cases lie to a case of another condition.

The nearest of many cases is nearer than almost every pair of the bank, so a rank among all pairs
would say nothing. Here the nearest is held against the nearest: of each case of the bank, that of
another patient and another condition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space

_ASKING = 200
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class Strangers:
    """How near cases of other conditions come.

    Attributes:
        distances: (n,) sorted; of n cases to their nearest of another condition.
    """

    distances: NDArray[np.float64]

    def farther(self, distance: float) -> int:
        """Of 100 such distances, how many are longer; never 100, for nothing is certain."""
        share = 1 - np.searchsorted(self.distances, distance, side="right") / len(self.distances)
        return min(99, int(100 * share))


def nearest_strangers(
    cases: CaseArrays, points: NDArray[np.float64], space: Space
) -> Strangers | None:
    """Measure up to 200 evenly spread cases.

    Args:
        cases: the bank.
        points: (n, d) its cases in `space`.
        space: in which distances are taken.

    Returns:
        None where fewer than ten cases have one, as in a bank with one condition.
    """
    n = len(cases)
    rows = np.unique(np.linspace(0, n - 1, min(n, _ASKING)).astype(np.intp))
    distances = space.distances(points[rows], points)
    related = cases.conditions[rows, None] == cases.conditions
    related |= cases.patients[rows, None] == cases.patients
    distances[related] = np.inf
    nearest = distances.min(axis=1)
    found = np.sort(nearest[np.isfinite(nearest)])
    return Strangers(found) if len(found) >= _FEWEST else None
