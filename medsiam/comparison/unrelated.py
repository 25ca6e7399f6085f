"""A distance in words: nearer than how many of 100 unrelated pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space

_ASKING = 200
_FEWEST = 30


@dataclass(frozen=True, eq=False)
class UnrelatedPairs:
    """Distances between cases of different patients and different conditions.

    Attributes:
        distances: (n,) sorted.
    """

    distances: NDArray[np.float64]

    def farther(self, distance: float) -> int:
        """How many of 100 unrelated pairs lie farther apart; never 100, for none is certain."""
        share = 1 - np.searchsorted(self.distances, distance, side="right") / len(self.distances)
        return min(99, int(100 * share))


def unrelated_pairs(
    cases: CaseArrays, points: NDArray[np.float64], space: Space
) -> UnrelatedPairs | None:
    """Collect the distances of up to 200 evenly spread cases to all unrelated ones.

    Args:
        cases: the bank.
        points: (n, d) its cases in `space`.
        space: in which distances are taken.

    Returns:
        None where there are fewer than 30 such pairs, as in a bank with one condition.
    """
    n = len(cases)
    rows = np.unique(np.linspace(0, n - 1, min(n, _ASKING)).astype(np.intp))
    distances = space.distances(points[rows], points)
    other = cases.conditions[rows, None] != cases.conditions
    other &= cases.patients[rows, None] != cases.patients
    found = np.sort(distances[other])
    return UnrelatedPairs(found) if len(found) >= _FEWEST else None
