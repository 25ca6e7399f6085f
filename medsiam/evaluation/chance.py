"""What a blind ranking would score in leave-one-subject-out retrieval."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.metrics import ratio

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]


def chance_precision(conditions: ArrayLike, subjects: ArrayLike) -> Floats:
    """(n,) probability that a case of another subject, drawn blindly, has the query's condition.

    NaN where no other subject has that condition.
    """
    n_relevant, n = _candidates(conditions, subjects)
    return np.where(n_relevant > 0, ratio(n_relevant, n), np.nan)


def chance_average_precision(conditions: ArrayLike, subjects: ArrayLike) -> Floats:
    """(n,) expected average precision of a blind ranking of the other subjects' cases.

    With r relevant cases among n and H = 1 + 1/2 + ... + 1/n, it is
    H/n + (1 - H/n) (r - 1)/(n - 1): more than r/n, which is often taken for it (Y. Bestgen, "Exact
    expected average precision of the random baseline for system evaluation", Prague Bulletin of
    Mathematical Linguistics, 2015). NaN where no other subject has the condition.
    """
    n_relevant, n = _candidates(conditions, subjects)
    harmonic = np.cumsum(1 / np.arange(1, n.max(initial=1) + 1))[np.maximum(n, 1) - 1]
    first = harmonic / np.maximum(n, 1)
    expected = first + (1 - first) * (n_relevant - 1) / np.maximum(n - 1, 1)
    return np.where(n_relevant > 0, expected, np.nan)


def _candidates(conditions: ArrayLike, subjects: ArrayLike) -> tuple[Counts, Counts]:
    """For each case, how many cases of other subjects have its condition, and how many exist."""
    groups = np.unique(np.asarray(conditions), return_inverse=True)[1]
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    table = np.zeros((owners.max(initial=-1) + 1, groups.max(initial=-1) + 1), dtype=np.intp)
    np.add.at(table, (owners, groups), 1)
    n_relevant = table.sum(axis=0)[groups] - table[owners, groups]
    return n_relevant, len(groups) - table.sum(axis=1)[owners]
