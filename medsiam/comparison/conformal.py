"""A set of conditions that holds the true one as often as was asked.

Split conformal prediction (V. Vovk et al., "Algorithmic learning in a random world", 2005;
A. Angelopoulos and S. Bates, arXiv:2107.07511) over the bank's own patients, each answered without
his own cases: nonconformity is 1 less the probability of the true condition. The promise holds on
average over queries that come like the bank's patients, of conditions that it holds; for a single
rare condition it does not hold by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVELS = (0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class ConditionSet:
    """Conditions that cannot be ruled out at a level.

    Attributes:
        level: how often such sets hold the true condition.
        conditions: most probable first; None with a `reason`.
        n_patients: patients whose answers set the limit.
        reason: why there is no set; None where there is one.
    """

    level: float
    conditions: tuple[str, ...] | None
    n_patients: int
    reason: str | None = None


def fewest_patients(level: float) -> int:
    """Patients without whom no limit exists: with n of them, the level is at most n / (n + 1)."""
    return math.ceil(level / (1 - level) - 1e-9)


def conformal_limit(of_true: Floats, patients: NDArray[np.intp], level: float) -> float | None:
    """The smallest probability that a condition of the set may have.

    Args:
        of_true: (m,) probability that each asking case gave its true condition.
        patients: (m,) who asks; every patient counts once, however many of his cases ask.
        level: share of queries whose set is to hold the true condition.

    Returns:
        None where there are too few patients for this level.
    """
    owners = np.unique(patients, return_inverse=True)[1]
    counts = np.bincount(owners)
    n = len(counts)
    if n < fewest_patients(level):
        return None
    order = np.argsort(-of_true, kind="stable")
    # The new patient counts too, as one whose probability is not known and may be the lowest.
    covered = np.cumsum(1 / counts[owners[order]]) / (n + 1)
    place = int(np.searchsorted(covered, level - 1e-9))
    return float(of_true[order[min(place, len(order) - 1)]])


def conditions_within(
    names: tuple[str, ...], probabilities: Floats, limit: float
) -> tuple[str, ...]:
    """Conditions of at least the limit's probability, most probable first; never none.

    The most probable one is always in: more than was promised, and a set of none helps nobody.
    """
    order = np.argsort(-probabilities, kind="stable")
    return tuple(
        names[code]
        for place, code in enumerate(order)
        if place == 0 or probabilities[code] >= limit
    )
