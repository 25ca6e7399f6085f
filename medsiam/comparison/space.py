"""The space in which a bank's distances are taken, prepared once for many queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import (
    METRICS,
    metric_points,
    point_distances,
    precision_root,
    row_distances,
    shrunk_precision,
)
from medsiam.errors import UsageError

Floats = NDArray[np.float64]

MATCH = "match"
# What a bank can be compared with: `match` is learned, and needs an encoder with a twin head.
COMPARISON_METRICS = (*METRICS, MATCH)

_PAIRS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class TwinHead:
    """What a twin head has learned (G. Koch et al. 2015, section 3.1), for NumPy.

    Attributes:
        weight: (embedding_dim,), what a difference in each dimension adds to the log odds.
        bias: the log odds of two equal embeddings.
    """

    weight: Floats
    bias: float


@dataclass(frozen=True, eq=False)
class Space:
    """A metric with all that it needs.

    Attributes:
        metric: one of `COMPARISON_METRICS`.
        root: (d, d) of the precision, for "mahalanobis".
        pooled: whether that precision is of all cases, because no condition has two.
        head: for "match", whose distance is 1 less the head's probability of a match.
    """

    metric: str
    root: Floats | None = None
    pooled: bool = False
    head: TwinHead | None = None

    def points(self, embeddings: ArrayLike) -> Floats:
        """Move (n, d) embeddings to where `distances` takes them."""
        metric = "euclidean" if self.head is not None else self.metric
        return metric_points(embeddings, metric=metric, root=self.root)

    def distances(self, a: Floats, b: Floats) -> Floats:
        """Return the (n, m) distances of (n, d) points to (m, d) points."""
        if self.head is None:
            return point_distances(a, b, metric=self.metric)
        found = np.empty((len(a), len(b)))
        for row, point in enumerate(a):
            for start in range(0, len(b), _PAIRS_AT_ONCE):
                part = slice(start, start + _PAIRS_AT_ONCE)
                found[row, part] = _mismatch(self.head, np.abs(point - b[part]))
        return found

    def of_rows(self, a: Floats, b: Floats) -> Floats:
        """Return the (n,) distances of (n, d) points to (n, d) points, row by row."""
        if self.head is None:
            return row_distances(a, b, metric=self.metric)
        return _mismatch(self.head, np.abs(a - b))


def make_space(
    embeddings: ArrayLike,
    conditions: ArrayLike,
    metric: str,
    *,
    dimensions: int | None = None,
    head: Callable[[], TwinHead] | None = None,
) -> Space:
    """Learn from a bank's cases what a metric needs.

    Args:
        embeddings: (n, d) of the cases.
        conditions: (n,) of the cases.
        metric: one of `COMPARISON_METRICS`.
        dimensions: see `medsiam.distances.shrunk_precision`.
        head: gives the encoder's twin head, for "match".

    Raises:
        UsageError: for "mahalanobis", if the cases are all alike; for "match" without a head.
    """
    if metric == MATCH:
        if head is None:
            raise UsageError("metric match needs an encoder with a twin head")
        return Space(metric, head=head())
    if metric != "mahalanobis":
        return Space(metric)
    names, x = np.asarray(conditions), np.asarray(embeddings)
    pooled = len(np.unique(names)) == len(names)
    precision = shrunk_precision(x, None if pooled else names, dimensions=dimensions)
    return Space(metric, precision_root(precision, x.shape[1]), pooled)


def _mismatch(head: TwinHead, differences: Floats) -> Floats:
    """Probability of no match, from (n, scans * embedding_dim) differences; the scans' mean."""
    n_scans = differences.shape[1] // len(head.weight)
    log_odds = np.vecdot(differences, np.tile(head.weight, n_scans)) / n_scans + head.bias
    found: Floats = (1.0 - np.tanh(log_odds / 2)) / 2
    return found
