"""What a distance means in one bank: beside those of its own pairs of cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.yardstick import Yardstick, yardstick

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

MOST_CASES = 2_000  # all pairs of them: two million
_ROWS_AT_ONCE = 256
_LEARNED = (
    "with mahalanobis these very cases taught the spread, so they lie nearer to each other than a "
    "query can"
)


@dataclass(frozen=True, eq=False)
class PairDistances:
    """Distances between cases of different patients of one bank.

    Attributes:
        metric: of all distances.
        bank_version: whose cases these are.
        same: (n,) sorted; pairs that share a condition.
        different: (m,) sorted; pairs that do not.
        nearest_different: (c,) sorted; of each case to the nearest one of another condition, in
            the whole bank or, where there are more than `MOST_CASES`, in the sample.
        n_cases: that these are pairs of: all of the bank, or `MOST_CASES` spread evenly over it.
        caveat: why a query's distance is not quite of the same kind; None where it is.
    """

    metric: str
    bank_version: int
    same: NDArray[np.float64]
    different: NDArray[np.float64]
    nearest_different: NDArray[np.float64]
    n_cases: int
    caveat: str | None = None

    def farther(self, distance: float) -> int | None:
        """Of 100 pairs of different conditions, how many lie farther apart; None without pairs.

        Never 100: nothing is certain.
        """
        return _of_a_hundred(self.different, distance)

    def nearest_farther(self, distance: float) -> int | None:
        """Of 100 cases, how many lie farther from their nearest case of another condition."""
        return _of_a_hundred(self.nearest_different, distance)

    def sentences(self, distance: float) -> tuple[str, ...]:
        """What a distance of this bank means, in plain words."""
        pairs, nearest = self.farther(distance), self.nearest_farther(distance)
        if pairs is None or nearest is None:
            return (
                "This bank holds one condition, or one patient: there are no unrelated pairs to "
                "hold this distance against.",
            )
        said = [
            f"Nearer than {pairs} of 100 unrelated pairs (cases of this bank of two patients with "
            "different conditions).",
            "The nearest of many is always near, so this is the stricter question: of 100 cases "
            f"of this bank, {nearest} lie farther than this from their nearest case of another "
            "condition.",
        ]
        if self.caveat is not None:
            said.append(f"Take both with care: {self.caveat}.")
        return tuple(said)


def pair_distances(
    bank: ReferenceBank, metric: str, *, version: int | None = None
) -> PairDistances:
    """Measure the pairs of a bank.

    Args:
        bank: any.
        metric: as a comparison names it.
        version: of the bank; None: the newest.

    Raises:
        UsageError: a metric that this bank or its encoder does not have.
        BankError: no such version.
    """
    return _of_pairs(yardstick(bank, bank.snapshot(version), metric))


def _of_pairs(measured: Yardstick) -> PairDistances:
    n = len(measured.cases)
    rows = np.unique(np.linspace(0, max(0, n - 1), min(n, MOST_CASES)).astype(np.intp))
    points = measured.points[rows]
    conditions, patients = measured.cases.conditions[rows], measured.cases.patients[rows]
    same, different, nearest = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    places = np.arange(len(points))
    for start in range(0, len(points), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        distances = measured.space.distances(points[part], points)
        strangers = patients[part, None] != patients
        alike = conditions[part, None] == conditions
        once = places[part, None] < places  # each pair is counted from one of its ends
        same.append(distances[strangers & alike & once])
        different.append(distances[strangers & ~alike & once])
        found = np.where(strangers & ~alike, distances, np.inf).min(axis=1)
        nearest.append(found[np.isfinite(found)])
    return PairDistances(
        metric=measured.space.metric,
        bank_version=measured.version,
        same=np.sort(np.concatenate(same)),
        different=np.sort(np.concatenate(different)),
        nearest_different=np.sort(np.concatenate(nearest)),
        n_cases=len(points),
        caveat=_LEARNED if measured.space.metric == "mahalanobis" else None,
    )


def _of_a_hundred(values: NDArray[np.float64], distance: float) -> int | None:
    if not len(values):
        return None
    share = 1 - np.searchsorted(values, distance, side="right") / len(values)
    return min(99, int(100 * share))
