"""Figures of merit on plain arrays, and what chance, majority and luck would make of them.

Retrieval figures leave the query's own subject (patient, else group) out of the ranking. Equal
distances are never broken by the order of the rows: tied cases share their places, so that an
encoder that maps everything to one point scores chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.distances import (
    check_metric,
    pairwise_distances,
    shrunk_precision,
    span_coordinates,
)
from medsiam.errors import UsageError

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_BLOCK_DISTANCES = 1_000_000  # distances held at a time
_FOLDS = 10  # groups of subjects, each measured with a precision it had no part in


@dataclass(frozen=True)
class RetrievalScore:
    """A mean over queries.

    Attributes:
        micro: every query counts the same, so frequent conditions weigh more.
        macro: mean of the conditions' means; every condition counts the same.
        n: queries that could be answered: their condition has a case of another subject.
    """

    micro: float
    macro: float
    n: int


def balanced_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean over the conditions in `y_true` of the share that was named rightly.

    Args:
        y_true: (n,) conditions.
        y_pred: (n,) named conditions.
    """
    truth, named = np.asarray(y_true), np.asarray(y_pred)
    if truth.shape != named.shape or truth.size == 0:
        raise UsageError(f"{truth.size} true conditions and {named.size} named ones do not pair up")
    return mean_over_queries(truth == named, truth).macro


def nearest_label_accuracy(
    embeddings: ArrayLike, labels: ArrayLike, subjects: ArrayLike, *, metric: str = "cosine"
) -> RetrievalScore:
    """Share of queries whose nearest case of another subject has their condition (P@1).

    Args:
        embeddings: (n, d).
        labels: (n,) conditions.
        subjects: (n,) what must not meet itself: the patient, else the group.
        metric: one of `medsiam.distances.METRICS`; for "mahalanobis" the subjects are dealt into
            ten folds, and a query's precision comes from the other folds.

    Raises:
        UsageError: where no condition has two subjects, so that no query can be answered.
    """
    return _retrieval_score(embeddings, labels, subjects, metric=metric, k=1)


def mean_average_precision(
    embeddings: ArrayLike, labels: ArrayLike, subjects: ArrayLike, *, metric: str = "cosine"
) -> RetrievalScore:
    """Mean average precision of each case's ranking of all cases of other subjects.

    Arguments and errors are those of `nearest_label_accuracy`.
    """
    return _retrieval_score(embeddings, labels, subjects, metric=metric, k=None)


def _retrieval_score(
    embeddings: ArrayLike, labels: ArrayLike, subjects: ArrayLike, *, metric: str, k: int | None
) -> RetrievalScore:
    names = np.asarray(labels)
    values = np.full(len(names), np.nan)
    for queries, distances in leave_subject_out(embeddings, labels, subjects, metric=metric):
        relevant = names[queries, None] == names[None, :]
        values[queries] = (
            average_precision(distances, relevant)
            if k is None
            else precision_at_k(distances, relevant, k)
        )
    return mean_over_queries(values, names)


def leave_subject_out(
    embeddings: ArrayLike,
    labels: ArrayLike,
    subjects: ArrayLike,
    *,
    metric: str,
    asking: Codes | None = None,
) -> Iterator[tuple[Codes, Floats]]:
    """Yield blocks of queries with their distances to every case.

    Args:
        embeddings: (n, d).
        labels: (n,) conditions.
        subjects: (n,).
        metric: one of `medsiam.distances.METRICS`.
        asking: positions of the queries; None: every case. For "mahalanobis" all cases ask.

    Yields:
        positions (b,) of the queries, and distances (b, n); infinite to cases of the query's own
        subject. Each query comes once.
    """
    check_metric(metric)
    x = np.ascontiguousarray(embeddings, dtype=np.float64)
    names = np.asarray(labels)
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    if not len(x) == len(names) == len(owners):
        raise UsageError(
            f"{len(x)} embeddings, {len(names)} labels and {len(owners)} subjects: one each needed"
        )
    if metric == "mahalanobis":
        yield from _leave_fold_out(x, names, owners)
        return
    size = max(1, _BLOCK_DISTANCES // max(len(x), 1))
    askers = np.arange(len(x)) if asking is None else asking
    for start in range(0, len(askers), size):
        queries = askers[start : start + size]
        distances = pairwise_distances(x[queries], x, metric=metric)
        distances[owners[queries, None] == owners[None, :]] = np.inf
        yield queries, distances


def _leave_fold_out(
    x: Floats, names: NDArray[Any], owners: Codes
) -> Iterator[tuple[Codes, Floats]]:
    """Blocks of queries, with a precision that their subjects had no part in."""
    d = x.shape[1]
    points = span_coordinates(x)
    for fold in range(min(_FOLDS, int(owners.max(initial=-1)) + 1)):
        queries = np.flatnonzero(owners % _FOLDS == fold)
        others = np.flatnonzero(owners % _FOLDS != fold)
        if not len(others):
            raise UsageError("metric mahalanobis needs cases of at least two subjects")
        distances = pairwise_distances(
            points[queries],
            points,
            metric="mahalanobis",
            precision=spread_of_cases(points[others], names[others], dimensions=d),
        )
        distances[owners[queries, None] == owners[None, :]] = np.inf
        yield queries, distances


def spread_of_cases(
    embeddings: ArrayLike, labels: ArrayLike, *, dimensions: int | None = None
) -> Floats:
    """Precision for "mahalanobis" as a bank of these cases would have it.

    The spread within conditions; over all cases where no condition has two. Arguments are those
    of `medsiam.distances.shrunk_precision`.

    Raises:
        UsageError: where the cases are all alike.
    """
    names = np.asarray(labels)
    alone = len(np.unique(names)) == len(names)
    return shrunk_precision(embeddings, None if alone else names, dimensions=dimensions)


def precision_at_k(distances: Floats, relevant: NDArray[np.bool_], k: int) -> Floats:
    """Share of relevant cases among the nearest min(k, number of relevant cases).

    Args:
        distances: (b, n); infinite for a case that is no candidate.
        relevant: (b, n).
        k: places looked at.

    Returns:
        (b,); NaN where no candidate is relevant. Cases tied at the last place share it: the value
        is the mean over all their orders.
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    found = relevant & np.isfinite(distances)
    n_relevant = found.sum(axis=1)
    places = np.minimum(k, n_relevant)
    return ratio(hits_among(distances, found, places), places)


def hits_among(distances: Floats, found: NDArray[np.bool_], places: NDArray[np.intp]) -> Floats:
    """(b,) how many of `found` are among the nearest `places`; ties at the last place share it."""
    ranked = np.sort(distances, axis=1)
    last = np.take_along_axis(ranked, np.maximum(places - 1, 0)[:, None], axis=1)
    closer, tied = distances < last, distances == last
    open_places = places - closer.sum(axis=1)
    hits = (found & closer).sum(axis=1)
    shared = open_places * (found & tied).sum(axis=1) / np.maximum(tied.sum(axis=1), 1)
    total: Floats = hits + shared
    return total


def average_precision(distances: Floats, relevant: NDArray[np.bool_]) -> Floats:
    """Average precision of each ranking; tied cases take their places together.

    Args:
        distances: (b, n); infinite for a case that is no candidate.
        relevant: (b, n).

    Returns:
        (b,); NaN where no candidate is relevant. The same value as scikit-learn's
        `average_precision_score` of the negative distances.
    """
    n = distances.shape[1]
    order = np.argsort(distances, axis=1)
    ranked = np.take_along_axis(distances, order, axis=1)
    found = np.take_along_axis(relevant & np.isfinite(distances), order, axis=1)
    last_of_tie = np.ones_like(found)
    last_of_tie[:, :-1] = ranked[:, :-1] != ranked[:, 1:]
    ends = np.where(last_of_tie, np.arange(n), n)
    ends = np.minimum.accumulate(ends[:, ::-1], axis=1)[:, ::-1]  # place where each tie ends
    precision = np.take_along_axis(np.cumsum(found, axis=1), ends, axis=1) / (ends + 1)
    return ratio(np.sum(precision * found, axis=1), found.sum(axis=1))


def mean_over_queries(values: ArrayLike, labels: ArrayLike) -> RetrievalScore:
    """Micro and macro mean of one value per query; NaN marks a query that cannot be answered.

    Raises:
        UsageError: where no query could be answered.
    """
    numbers = np.asarray(values, dtype=np.float64)
    answered = np.isfinite(numbers)
    if not answered.any():
        raise UsageError(
            "no case has another subject's case of its condition to be found: retrieval needs at "
            "least one condition with two patients (or groups)"
        )
    kept = numbers[answered]
    codes = np.unique(np.asarray(labels)[answered], return_inverse=True)[1]
    by_label = np.bincount(codes, weights=kept) / np.bincount(codes)
    return RetrievalScore(float(kept.mean()), float(by_label.mean()), len(kept))


def roc_auc(scores: ArrayLike, is_positive: ArrayLike) -> float:
    """Probability that a positive scores higher than a negative; a tie counts one half.

    Args:
        scores: (n,); higher = more positive, so give minus a distance.
        is_positive: (n,) bool.

    Raises:
        UsageError: where positives or negatives are missing.
    """
    positive = np.asarray(is_positive, dtype=bool)
    values, inverse, counts = np.unique(
        np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True
    )
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative or not np.isfinite(values).all():
        raise UsageError("an AUC needs finite scores of at least one positive and one negative")
    middle_ranks = np.cumsum(counts) - (counts - 1) / 2
    wins = float(middle_ranks[inverse][positive].sum()) - n_positive * (n_positive + 1) / 2
    return wins / (n_positive * n_negative)


def wilson_interval(k: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for a share of `k` in `n` independent trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    J. American Statistical Association 22 (1927) 209-212.
    """
    if n < 1 or not 0 <= k <= n:
        raise UsageError(f"a share needs 0 <= k <= n and n >= 1, got k = {k}, n = {n}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = k / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def cluster_bootstrap(
    values: ArrayLike,
    subjects: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a mean, by drawing whole subjects with replacement.

    Cases of one patient resemble each other, so subjects are drawn and not cases. The references
    that the queries were compared with stay as they are: where the subjects are each other's
    references, `influence_interval` counts both. With few subjects the interval is too narrow
    rather than too wide; where every value is 0 or every value is 1 a resample cannot differ,
    and the Wilson interval over the subjects is given.

    Args:
        values: (n,) one per query, within [0, 1]; NaN is left out.
        subjects: (n,).
        labels: (n,) conditions for the macro mean; None: the plain mean.
        weights: (n,) how often each value was observed; None: once.
        confidence: share of resamples within the interval.
        n_resamples: draws.
        random_state: seed.

    Raises:
        UsageError: for fewer than two subjects.
    """
    numbers = np.asarray(values, dtype=np.float64)
    kept = np.isfinite(numbers)
    numbers = numbers[kept]
    times = np.ones(len(numbers)) if weights is None else np.asarray(weights, np.float64)[kept]
    owners = np.unique(np.asarray(subjects)[kept], return_inverse=True)[1]
    groups = np.zeros(len(numbers), dtype=np.intp)
    if labels is not None:
        groups = np.unique(np.asarray(labels)[kept], return_inverse=True)[1]
    n_subjects = int(owners.max(initial=-1)) + 1
    if n_subjects < 2:
        raise UsageError(f"an interval over subjects needs at least two, got {n_subjects}")
    if (numbers == 0).all() or (numbers == 1).all():
        return wilson_interval(n_subjects * numbers[0], n_subjects, confidence=confidence)
    shape = (n_subjects, int(groups.max()) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (owners, groups), numbers * times)
    np.add.at(counts, (owners, groups), times)
    draws = np.random.default_rng(random_state).multinomial(
        n_subjects, np.full(n_subjects, 1 / n_subjects), size=n_resamples
    )
    means = ratio(draws @ sums, draws @ counts)  # NaN: no subject of that condition was drawn
    present = np.isfinite(means)
    scores = np.where(present, means, 0.0).sum(axis=1) / present.sum(axis=1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(scores, [tail, 1 - tail])
    return float(low), float(high)


def influence_interval(
    value: float, influence: ArrayLike, *, extra: float = 0.0, confidence: float = 0.95
) -> tuple[float, float]:
    """Interval of a figure between 0 and 1 from how far each subject moves it.

    The infinitesimal jackknife (B. Efron, "The jackknife, the bootstrap and other resampling
    plans", 1982, chapter 6): what the bootstrap of subjects tends to, also for figures that
    cannot be computed with a subject drawn twice. A figure of 0 or 1 has the Wilson interval.

    Args:
        value: the figure.
        influence: (s,) derivative of the figure by the weight of each subject, all being 1.
        extra: variance from other sources, such as a finite number of episodes.
        confidence: probability of the interval.

    Raises:
        UsageError: for fewer than two subjects.
    """
    moves = np.asarray(influence, dtype=np.float64)
    n = len(moves)
    if n < 2:
        raise UsageError(f"an interval over subjects needs at least two, got {n}")
    if not 0 < value < 1:
        return wilson_interval(n * value, n, confidence=confidence)
    variance = n / (n - 1) * float(np.sum((moves - moves.mean()) ** 2)) + extra
    half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt(max(0.0, variance))
    return max(0.0, value - half), min(1.0, value + half)


def chance_accuracy(labels: ArrayLike) -> float:
    """Balanced accuracy of guessing, and of always naming one condition: 1 / conditions."""
    return 1 / len(np.unique(np.asarray(labels)))


def majority_accuracy(labels: ArrayLike) -> float:
    """Plain accuracy of always naming the most frequent condition."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(counts.max() / counts.sum())


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Quotient; NaN where the denominator is 0."""
    empty = np.full(np.shape(numerator), np.nan)
    quotient: Floats = np.divide(numerator, denominator, out=empty, where=denominator > 0)
    return quotient
