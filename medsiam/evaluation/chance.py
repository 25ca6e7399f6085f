"""What a blind ranking would score, from how many candidates a query has and how many fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.metrics import ratio

Floats = NDArray[np.float64]


def chance_precision(n_relevant: ArrayLike, n: ArrayLike) -> Floats:
    """(b,) probability that a candidate drawn blindly is relevant.

    Args:
        n_relevant: (b,) relevant candidates of each query.
        n: (b,) candidates of each query.

    Returns:
        (b,); NaN where nothing is relevant.
    """
    found, total = np.asarray(n_relevant), np.asarray(n)
    return np.where(found > 0, ratio(found, total), np.nan)


def chance_average_precision(n_relevant: ArrayLike, n: ArrayLike) -> Floats:
    """(b,) expected average precision of a blind ranking.

    With r relevant cases among n and H = 1 + 1/2 + ... + 1/n, it is
    H/n + (1 - H/n) (r - 1)/(n - 1): more than r/n, which is often taken for it (Y. Bestgen, "Exact
    expected average precision of the random baseline for system evaluation", Prague Bulletin of
    Mathematical Linguistics, 2015). Arguments and NaN as in `chance_precision`.
    """
    found, total = np.asarray(n_relevant), np.asarray(n)
    harmonic = np.cumsum(1 / np.arange(1, total.max(initial=1) + 1))[np.maximum(total, 1) - 1]
    first = harmonic / np.maximum(total, 1)
    expected = first + (1 - first) * (found - 1) / np.maximum(total - 1, 1)
    return np.where(found > 0, expected, np.nan)


def chance_reciprocal_rank(n_relevant: ArrayLike, n: ArrayLike) -> Floats:
    """(b,) expected reciprocal rank of the first relevant case of a blind ranking.

    Arguments and NaN as in `chance_precision`.
    """
    pairs, back = np.unique(
        np.stack([np.asarray(n_relevant), np.asarray(n)]), axis=1, return_inverse=True
    )
    values = [expected_reciprocal_rank(int(r), int(total)) for r, total in pairs.T]
    return np.array(values, dtype=np.float64)[back.ravel()]


def expected_reciprocal_rank(n_relevant: int, n: int, *, before: int = 0) -> float:
    """Mean of 1 / place of the first relevant of n cases in random order, after `before` others.

    The first is at place j with probability p(j): p(1) = r/n and
    p(j + 1) = p(j) (n - j - r + 1) / (n - j).
    """
    if n_relevant == 0:
        return float("nan")
    places = np.arange(1, n - n_relevant + 2)
    steps = (n - places[:-1] - n_relevant + 1) / (n - places[:-1])
    chances = n_relevant / n * np.concatenate([[1.0], np.cumprod(steps)])
    return float(np.sum(chances / (before + places)))
