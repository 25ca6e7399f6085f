"""Distances to prototypes of different numbers of cases, made comparable.

The mean of few cases holds more noise than that of many. Its noise makes it longer, so that it
lies farther from everything, and a frequent condition swallows the queries of a rare one (in 2D
cells, seven conditions, 1 to 9 shots: .07 of accuracy). And a distance to it says less. So

1. the squared length of each prototype is brought to what it would be with the same number of
   cases: s^2 / n of it is noise, s^2 being the variance within conditions, pooled over the support
   (Y.-B. Chan and P. Hall, "Scale adjustments for classifiers in high-dimensional, low sample
   size settings", Biometrika 96 (2009) 469-478);
2. what a distance says beyond the half-way distance, at which a query is as likely to be of the
   condition as not, counts by n / (n + 2): shrinkage of means known to different precision
   (B. Efron and C. Morris, "Stein's estimation rule and its competitors", JASA 68 (1973) 117-130).

Both are relative to the harmonic mean of the numbers of cases, so that equal supports are compared
as they always were. The 2 was chosen on conditions that encoders were trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_PRIOR_CASES = 2.0  # cases whose worth the shrinkage of a distance is


@dataclass(frozen=True, eq=False)
class Supports:
    """What is known of the supports of e episodes of w conditions.

    Attributes:
        shots: (e, w) cases of each condition.
        case_sizes: (e, w) sum of the squared lengths of its cases.
        between: (e, w, w) inner products of prototypes.
    """

    shots: NDArray[np.intp]
    case_sizes: Floats
    between: Floats

    @property
    def lengths(self) -> Floats:
        """(e, w) squared lengths of the prototypes."""
        return np.asarray(np.diagonal(self.between, axis1=1, axis2=2))


def measure(dots: Floats, sizes: Floats, lengths: Floats, metric: str) -> Floats:
    """Distances of queries to prototypes, from inner products.

    Args:
        dots: (e, q, w) of queries and prototypes.
        sizes: (e, q) squared lengths of the queries.
        lengths: (e, w) squared lengths of the prototypes.
        metric: "cosine", or "euclidean" for squared distances.

    Returns:
        (e, q, w).
    """
    both, single = sizes[:, :, None], lengths[:, None, :]
    if metric == "cosine":
        scale = np.sqrt(both * np.maximum(single, 0.0))
        alike = np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)
        return np.asarray(1.0 - alike)
    return np.asarray(both + single - 2 * dots)


def uneven_distances(dots: Floats, sizes: Floats, bank: Supports, *, metric: str) -> Floats:
    """Distances to prototypes of different numbers of cases; arguments as of `measure`."""
    n = bank.shots.astype(np.float64)
    usual = 1 / (1 / n).mean(axis=1, keepdims=True)  # harmonic mean
    within = (bank.case_sizes - n * bank.lengths).sum(axis=1)
    within /= np.maximum(1, (n - 1).sum(axis=1))
    noise = np.maximum(within, 0.0)[:, None] / n
    lengths = bank.lengths - noise + noise * n / usual
    if metric == "cosine":  # of noise alone a prototype is n / usual of its length, and no less
        lengths = np.maximum(lengths, np.minimum(n / usual, 1.0) * bank.lengths)
    known = n / (n + _PRIOR_CASES) * (usual + _PRIOR_CASES) / usual
    middle = _half_way(bank, noise, lengths, metric)[:, None, None]
    distances = measure(dots, sizes, lengths, metric)
    return np.asarray(middle + known[:, None, :] * (distances - middle))


def _half_way(bank: Supports, noise: Floats, lengths: Floats, metric: str) -> Floats:
    """(e,) distance half-way between a prototype's own cases and those of other conditions."""
    n_way = bank.shots.shape[1]
    own = bank.lengths - noise
    other = (bank.between.sum(axis=2) - bank.lengths) / (n_way - 1)
    usual_size = (bank.case_sizes / bank.shots).mean(axis=1)
    dots = ((own + other) / 2)[:, None, :]
    return np.asarray(measure(dots, usual_size[:, None], lengths, metric).mean(axis=(1, 2)))
