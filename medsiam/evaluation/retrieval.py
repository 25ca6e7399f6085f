"""Leave-one-subject-out retrieval and pair AUC, in one pass over the distances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.evaluation.chance import chance_average_precision, chance_precision
from medsiam.evaluation.influence import (
    average_precision_influence,
    half_sample_variances,
    nearest_of_each_subject,
    query_influence,
)
from medsiam.evaluation.result import Figure, PairAuc, Retrieval
from medsiam.metrics import (
    average_precision,
    chance_accuracy,
    influence_interval,
    leave_subject_out,
    majority_accuracy,
    mean_over_queries,
    precision_at_k,
)

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

MAX_PAIRS = 4_000_000  # more pairs than these add digits nobody needs


@dataclass(frozen=True, eq=False)
class _Queries:
    """Who asks, and how much each answer weighs.

    Attributes:
        names, owners: (n,) condition and subject (codes from 0) of each case.
        answered: (n,) whether another subject has the condition.
        labels: macro and micro: (n_answered,) codes of the groups whose means are averaged.
        weights: macro and micro: (2, n) weight of each query; 0 where it has no answer.
    """

    names: NDArray[np.str_]
    owners: Codes
    answered: NDArray[np.bool_]
    labels: tuple[Codes, Codes]
    weights: Floats


@dataclass(frozen=True, eq=False)
class _Rankings:
    """What the queries found.

    Attributes:
        first, average: (n,) P@1 and average precision; NaN where there is no answer.
        nearest: (n, depth) nearest case of each of the nearest subjects.
        moves: macro and micro: (2, n) influence of each case, as a reference, on mean average
            precision.
        pairs: (2, m) positions, each pair of different subjects once.
        distances: (m,) of the pairs.
    """

    first: Floats
    average: Floats
    nearest: Codes
    moves: Floats
    pairs: Codes
    distances: Floats


def measure_retrieval(
    embeddings: ArrayLike,
    *,
    conditions: Sequence[str],
    subjects: Sequence[str],
    metric: str,
    random_state: int,
) -> tuple[Retrieval, PairAuc]:
    """Rank all cases of other subjects for each case, and compare all pairs.

    Args:
        embeddings: (n, d).
        conditions: (n,) at least one with two subjects.
        subjects: (n,).
        metric: one of `medsiam.distances.METRICS`.
        random_state: seed of the intervals, and of the choice of pairs where there are more than
            `MAX_PAIRS`.
    """
    queries = _queries(np.asarray(conditions), np.asarray(subjects))
    found = _rank(embeddings, queries, metric, np.random.default_rng(random_state))
    precision = _precision(found, queries, random_state)
    average = _average_precision(found, queries)
    return Retrieval(*precision, *average), _pair_auc(found, queries)


def _queries(names: NDArray[np.str_], subjects: NDArray[np.generic]) -> _Queries:
    owners = np.unique(subjects, return_inverse=True)[1]
    answered = np.isfinite(chance_precision(names, owners))
    labels = np.unique(names[answered], return_inverse=True)[1]
    weights = np.zeros((2, len(names)))
    sizes = np.bincount(labels)
    weights[0, answered] = 1 / (len(sizes) * sizes[labels])
    weights[1, answered] = 1 / max(1, int(answered.sum()))
    return _Queries(names, owners, answered, (labels, np.zeros_like(labels)), weights)


def _rank(
    embeddings: ArrayLike, queries: _Queries, metric: str, rng: np.random.Generator
) -> _Rankings:
    names, owners = queries.names, queries.owners
    n = len(names)
    share = min(1.0, MAX_PAIRS / max(1, n * (n - 1) // 2))
    first, average, moves = np.empty(n), np.empty(n), np.zeros((2, n))
    nearest: list[tuple[Codes, Codes]] = []
    pairs: list[tuple[Codes, Floats]] = []
    for block, distances in leave_subject_out(embeddings, names, owners, metric=metric):
        relevant = names[block, None] == names[None, :]
        first[block] = precision_at_k(distances, relevant, 1)
        average[block] = average_precision(distances, relevant)
        moves += queries.weights[:, block] @ average_precision_influence(distances, relevant)
        nearest.append((block, nearest_of_each_subject(distances, owners)))
        once = np.isfinite(distances) & (np.arange(n)[None, :] > block[:, None])
        if share < 1:
            once &= rng.random(once.shape) < share
        a, b = np.nonzero(once)
        pairs.append((np.stack([block[a], b]), distances[a, b]))
    order = np.argsort(np.concatenate([block for block, _ in nearest]))
    return _Rankings(
        first,
        average,
        np.concatenate([found for _, found in nearest])[order],
        moves,
        np.hstack([ends for ends, _ in pairs]),
        np.concatenate([values for _, values in pairs]),
    )


def _precision(found: _Rankings, queries: _Queries, random_state: int) -> tuple[Figure, Figure]:
    """Macro and micro P@1."""
    asked = queries.names[queries.answered]
    score = mean_over_queries(found.first, queries.names)
    blind = mean_over_queries(chance_precision(queries.names, queries.owners), queries.names)
    labels = np.full(len(queries.names), -1, dtype=np.intp)
    labels[queries.answered] = queries.labels[0]
    variances = half_sample_variances(
        found.nearest, labels, queries.owners, random_state=random_state
    )
    still = np.zeros(int(queries.owners.max()) + 1)
    macro = influence_interval(score.macro, still, extra=variances[0])
    micro = influence_interval(score.micro, still, extra=variances[1])
    size = (score.n, _n_askers(queries))
    return (
        Figure(score.macro, *macro, blind.macro, chance_accuracy(asked), *size),
        Figure(score.micro, *micro, blind.micro, majority_accuracy(asked), *size),
    )


def _average_precision(found: _Rankings, queries: _Queries) -> tuple[Figure, Figure]:
    """Macro and micro mean average precision."""
    score = mean_over_queries(found.average, queries.names)
    expected = chance_average_precision(queries.names, queries.owners)
    blind = mean_over_queries(expected, queries.names)
    values = found.average[queries.answered]
    intervals = []
    for mean, value in enumerate((score.macro, score.micro)):
        own = query_influence(values, queries.labels[mean], np.ones(len(values)))
        by_case = found.moves[mean].copy()
        by_case[queries.answered] += own
        intervals.append(influence_interval(value, np.bincount(queries.owners, weights=by_case)))
    size = (score.n, _n_askers(queries))
    return (
        Figure(score.macro, *intervals[0], blind.macro, None, *size),
        Figure(score.micro, *intervals[1], blind.micro, None, *size),
    )


def _n_askers(queries: _Queries) -> int:
    return len(np.unique(queries.owners[queries.answered]))


def _pair_auc(found: _Rankings, queries: _Queries) -> PairAuc:
    """AUC of the pairs, with an interval over the subjects at both of their ends."""
    names, pairs, distances = queries.names, found.pairs, found.distances
    same = names[pairs[0]] == names[pairs[1]]
    close, far = np.sort(distances[same]), np.sort(distances[~same])
    wins = np.empty(len(distances))  # of each pair against the pairs of the other kind
    wins[same] = 1 - _place(far, distances[same])
    wins[~same] = _place(close, distances[~same])
    value = float(wins[same].mean())
    pull = (wins - value) / np.where(same, len(close), len(far))
    influence = np.zeros(int(queries.owners.max()) + 1)
    for end in pairs:
        influence += np.bincount(queries.owners[end], weights=pull, minlength=len(influence))
    low, high = influence_interval(value, influence)
    return PairAuc(value, low, high, len(close), len(far))


def _place(ranked: Floats, values: Floats) -> Floats:
    """Share of `ranked` below each value; equal ones count one half."""
    below = np.searchsorted(ranked, values, side="left")
    up_to = np.searchsorted(ranked, values, side="right")
    share: Floats = (below + up_to) / (2 * len(ranked))
    return share
