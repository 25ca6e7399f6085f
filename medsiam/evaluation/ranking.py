"""Every query's ranking of the cases it may be compared with, in one pass over the distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.errors import UsageError
from medsiam.evaluation.chance import expected_reciprocal_rank
from medsiam.evaluation.influence import average_precision_influence
from medsiam.evaluation.pairing import Cohort
from medsiam.metrics import (
    average_precision,
    hits_among,
    leave_subject_out,
    precision_at_k,
    ratio,
)

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

MAX_PAIRS = 4_000_000  # more pairs than these add digits nobody needs
DEPTH = 128  # nearest cases kept for resampling
_DEPTH_BY_CONDITION = 32

PLACES = (5, 10)


@dataclass(frozen=True, eq=False)
class Rankings:
    """What the queries found; rows of cases that ask nothing are NaN or -1.

    Attributes:
        cohort: whose cases they are.
        n_relevant, n_candidates: (n,) cases of the query's condition, and all, that it met.
        values: measure -> (n,) P@1, P@k, P@min(k, ...), reciprocal rank, average precision; NaN
            where the query's condition has no case to be found.
        nearest: (n, depth) nearest cases, -1 where there are no more.
        by_condition: (n, c, depth) distances to the nearest cases of each condition; infinite
            where there are no more.
        members: (n, c, depth) which cases these are.
        moves: macro and micro: (2, n) influence of each case, as a reference, on mean average
            precision.
        pairs: (2, m) positions, each pair once.
        distances: (m,) of the pairs.
    """

    cohort: Cohort
    n_relevant: Codes
    n_candidates: Codes
    values: dict[str, Floats]
    nearest: Codes
    by_condition: Floats
    members: Codes
    moves: Floats
    pairs: Codes
    distances: Floats

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(n,) queries whose condition has a case to be found."""
        return self.n_relevant > 0


_MEASURES: dict[str, Callable[[Floats, NDArray[np.bool_]], Floats]] = {
    "precision_at_1": lambda d, r: precision_at_k(d, r, 1),
    "average_precision": average_precision,
    "reciprocal_rank": lambda d, r: reciprocal_rank(d, r),
    **{f"precision_at_{k}": lambda d, r, k=k: precision_among(d, r, k) for k in PLACES},  # type: ignore[misc]
    **{f"precision_at_min_{k}": lambda d, r, k=k: precision_at_k(d, r, k) for k in PLACES},  # type: ignore[misc]
}


def rank(embeddings: ArrayLike, cohort: Cohort, *, metric: str, random_state: int) -> Rankings:
    """Rank for each query all cases it may be compared with.

    Args:
        embeddings: (n, d).
        cohort: who may meet.
        metric: one of `medsiam.distances.METRICS`.
        random_state: seed of the choice of pairs, where there are more than `MAX_PAIRS`.

    Raises:
        UsageError: where no query has a case of its condition to be found.
    """
    n = len(cohort)
    rng = np.random.default_rng(random_state)
    share = min(1.0, MAX_PAIRS / max(1, n * (n - 1) // 2))
    relevant_, candidates_ = _counts(cohort)
    if not relevant_.any():
        raise UsageError(
            "no case has another subject's case of its condition to be found: retrieval needs at "
            "least one condition with two patients (or groups), on both sides of a split"
        )
    weights = _weights(cohort, relevant_ > 0)
    depth = min(n, DEPTH)
    deep = min(n, _DEPTH_BY_CONDITION)
    found = Rankings(
        cohort,
        relevant_,
        candidates_,
        {measure: np.full(n, np.nan) for measure in _MEASURES},
        np.full((n, depth), -1, dtype=np.intp),
        np.full((n, cohort.n_conditions, deep), np.inf),
        np.full((n, cohort.n_conditions, deep), -1, dtype=np.intp),
        np.zeros((2, n)),
        np.empty((2, 0), dtype=np.intp),
        np.empty(0),
    )
    pairs, lengths = [], []
    for block, distances in leave_subject_out(
        embeddings,
        cohort.names,
        cohort.owners,
        metric=metric,
        asking=np.flatnonzero(cohort.asks),
    ):
        distances[~cohort.admissible(block)] = np.inf
        relevant = cohort.labels[block, None] == cohort.labels[None, :]
        for measure, of in _MEASURES.items():
            found.values[measure][block] = of(distances, relevant)
        found.moves[:] += weights[:, block] @ average_precision_influence(distances, relevant)
        _keep_nearest(found, block, distances)
        once = np.isfinite(distances)
        if not cohort.one_sided:
            once &= np.arange(n)[None, :] > block[:, None]
        if share < 1:
            once &= rng.random(once.shape) < share
        a, b = np.nonzero(once)
        pairs.append(np.stack([block[a], b]))
        lengths.append(distances[a, b])
    return Rankings(
        **{**vars(found), "pairs": np.hstack(pairs), "distances": np.concatenate(lengths)}
    )


def _counts(cohort: Cohort) -> tuple[Codes, Codes]:
    """(n,) relevant and all candidates of each case; 0 for one that asks nothing."""
    n = len(cohort)
    relevant, candidates = np.zeros(n, dtype=np.intp), np.zeros(n, dtype=np.intp)
    step = max(1, 4_000_000 // max(1, n))
    for start in range(0, n, step):
        block = np.arange(start, min(n, start + step))
        allowed = cohort.admissible(block)
        candidates[block] = allowed.sum(axis=1)
        allowed &= cohort.labels[block, None] == cohort.labels[None, :]
        relevant[block] = allowed.sum(axis=1)
    return relevant, candidates


def _weights(cohort: Cohort, answered: NDArray[np.bool_]) -> Floats:
    """Macro and micro: (2, n) weight of each query; 0 where it has no answer."""
    sizes = np.bincount(cohort.labels[answered], minlength=cohort.n_conditions)
    weights = np.zeros((2, len(cohort)))
    own = cohort.labels[answered]
    weights[0, answered] = 1 / (np.count_nonzero(sizes) * sizes[own])
    weights[1, answered] = 1 / max(1, int(answered.sum()))
    return weights


def _keep_nearest(found: Rankings, block: Codes, distances: Floats) -> None:
    """Note the nearest cases of each query, of all conditions and of each."""
    depth = found.nearest.shape[1]
    order = np.argsort(distances, axis=1, kind="stable")[:, :depth]
    near = np.take_along_axis(distances, order, axis=1)
    found.nearest[block] = np.where(np.isfinite(near), order, -1)
    for label in range(found.cohort.n_conditions):
        own = np.flatnonzero(found.cohort.labels == label)
        order = np.argsort(distances[:, own], axis=1, kind="stable")
        order = order[:, : found.by_condition.shape[2]]
        near = np.take_along_axis(distances[:, own], order, axis=1)
        found.by_condition[block, label, : near.shape[1]] = near
        found.members[block, label, : near.shape[1]] = np.where(np.isfinite(near), own[order], -1)


def precision_among(distances: Floats, relevant: NDArray[np.bool_], k: int) -> Floats:
    """(b,) share of relevant cases among the nearest k, or all candidates where they are fewer.

    Arguments as of `medsiam.metrics.precision_at_k`; ties at the last place share it.
    """
    candidate = np.isfinite(distances)
    found = relevant & candidate
    places = np.minimum(k, candidate.sum(axis=1))
    hits = hits_among(distances, found, places)
    return np.where(found.any(axis=1), ratio(hits, places), np.nan)


def reciprocal_rank(distances: Floats, relevant: NDArray[np.bool_]) -> Floats:
    """(b,) 1 / place of the first relevant case; the mean over the orders of tied cases.

    Arguments as of `medsiam.metrics.precision_at_k`; NaN where nothing is relevant.
    """
    found = relevant & np.isfinite(distances)
    first = np.where(found, distances, np.inf).min(axis=1, keepdims=True)
    before = (distances < first).sum(axis=1)
    tied = (distances == first) & np.isfinite(distances)
    n_tied, n_found = tied.sum(axis=1), (tied & found).sum(axis=1)
    values = np.where(found.any(axis=1), 1 / (before + 1.0), np.nan)
    for row in np.flatnonzero((n_tied > n_found) & found.any(axis=1)):
        values[row] = expected_reciprocal_rank(
            int(n_found[row]), int(n_tied[row]), before=int(before[row])
        )
    return values
