"""The nearest patients of every case, each by the nearest of his cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.audit.cases import AuditCases

Codes = NDArray[np.intp]

VOTERS = 5  # nearest patients that vote, as in a comparison
_DEPTH = 128  # nearest patients kept for resampling


@dataclass(frozen=True, eq=False)
class Neighbours:
    """From near to far, at most 128 of them; -1 where there are no more.

    Attributes:
        cases: (n, depth) the nearest case of each patient.
        patients: (n, depth) whose it is.
        labels: (n, depth) its condition.
    """

    cases: Codes
    patients: Codes
    labels: Codes


def find_neighbours(found: AuditCases) -> Neighbours:
    """Rank the patients for every case; equal distances in the order of the bank."""
    depth = min(found.n_patients, _DEPTH)
    nearest = np.full((len(found), depth), -1, dtype=np.intp)
    for row, distances in enumerate(found.distances):
        order = np.argsort(distances, kind="stable")
        order = order[np.isfinite(distances[order])]
        _, first = np.unique(found.patients[order], return_index=True)
        chosen = order[np.sort(first)][:depth]
        nearest[row, : len(chosen)] = chosen
    known = nearest >= 0
    return Neighbours(
        nearest,
        np.where(known, found.patients[nearest], -1),
        np.where(known, found.labels[nearest], -1),
    )
