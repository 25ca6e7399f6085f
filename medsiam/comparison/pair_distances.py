"""What a distance means in one bank: beside those of its own pairs of cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.space import Space, make_space
from medsiam.comparison.yardstick import yardstick

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

MOST_CASES = 2_000  # all pairs of them: two million
_ROWS_AT_ONCE = 256
_FEWEST_TO_TEACH = 8
_TAUGHT = (
    "these very cases taught mahalanobis its spread, so they lie nearer to each other than a query "
    "can, and there are too few to let one half teach and the other ask"
)

_Pairs = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
_HALVES = (
    "mahalanobis learns its spread from the bank's own cases, so half of the patients taught it "
    "here and the other half asked, each half in turn; all of them together teach it a little "
    "differently"
)


@dataclass(frozen=True, eq=False)
class PairDistances:
    """Distances between cases of different patients of one bank.

    With "mahalanobis" the cases that taught the spread lie nearer to each other than a query can:
    there, pairs are of one case that taught it and one that did not, as with a query.

    Attributes:
        metric: of all distances.
        bank_version: whose cases these are.
        same: (n,) sorted; pairs that share a condition.
        different: (m,) sorted; pairs that do not.
        nearest_different: (c,) sorted; of each case to the nearest one of another condition among
            those it was held against.
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
    measured = yardstick(bank, bank.snapshot(version), metric)
    cases = _spread_evenly(measured.cases)
    halves = _halves(cases) if metric == "mahalanobis" else None
    if halves is None:
        found = [_pairs(cases, cases, measured.space, once=True)]
    else:
        found = [
            _pairs(asking, taught, make_space(taught.embeddings, taught.conditions, metric))
            for asking, taught in (halves, halves[::-1])
        ]
    same, different, nearest = (np.sort(np.concatenate(part)) for part in zip(*found, strict=True))
    return PairDistances(
        metric=metric,
        bank_version=measured.version,
        same=same,
        different=different,
        nearest_different=nearest,
        n_cases=len(cases),
        caveat=None if metric != "mahalanobis" else _TAUGHT if halves is None else _HALVES,
    )


def _spread_evenly(cases: CaseArrays) -> CaseArrays:
    n = len(cases)
    keep = np.zeros(n, dtype=bool)
    keep[np.linspace(0, max(0, n - 1), min(n, MOST_CASES)).astype(np.intp)] = True
    return cases.only(keep)


def _halves(cases: CaseArrays) -> tuple[CaseArrays, CaseArrays] | None:
    """Every other patient of each condition; None where a half could teach no spread."""
    first = np.zeros(len(cases), dtype=bool)
    for condition in np.unique(cases.conditions):
        patients = np.unique(cases.patients[cases.conditions == condition])
        first |= np.isin(cases.patients, patients[::2])
    halves = cases.only(first), cases.only(~first)
    if min(len(half) for half in halves) < _FEWEST_TO_TEACH:
        return None
    return halves


def _pairs(asking: CaseArrays, held: CaseArrays, space: Space, *, once: bool = False) -> _Pairs:
    """Distances of pairs of different patients: same condition, different ones, nearest of these.

    Args:
        asking: one case of each pair is from here.
        held: and the other one from here.
        space: in which distances are taken.
        once: both are the same cases, and each pair is counted from one of its ends.
    """
    points, others = space.points(asking.embeddings), space.points(held.embeddings)
    same, different, nearest = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    for start in range(0, len(points), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        distances = space.distances(points[part], others)
        strangers = asking.patients[part, None] != held.patients
        alike = asking.conditions[part, None] == held.conditions
        counted = strangers
        if once:
            counted = strangers & (np.arange(len(points))[part, None] < np.arange(len(others)))
        same.append(distances[counted & alike])
        different.append(distances[counted & ~alike])
        found = np.where(strangers & ~alike, distances, np.inf).min(axis=1, initial=np.inf)
        nearest.append(found[np.isfinite(found)])
    return np.concatenate(same), np.concatenate(different), np.concatenate(nearest)


def _of_a_hundred(values: NDArray[np.float64], distance: float) -> int | None:
    if not len(values):
        return None
    share = 1 - np.searchsorted(values, distance, side="right") / len(values)
    return min(99, int(100 * share))
