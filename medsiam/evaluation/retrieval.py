"""Leave-one-subject-out retrieval and pair AUC, in one pass over the distances."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.evaluation.chance import chance_average_precision, chance_precision
from medsiam.evaluation.result import Figure, PairAuc, Retrieval
from medsiam.metrics import (
    average_precision,
    chance_accuracy,
    cluster_bootstrap,
    leave_subject_out,
    majority_accuracy,
    mean_over_queries,
    precision_at_k,
    wilson_interval,
)

Floats = NDArray[np.float64]

MAX_PAIRS = 4_000_000  # more pairs than these add digits nobody needs


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
    names = np.asarray(conditions)
    owners = np.unique(np.asarray(subjects), return_inverse=True)[1]
    n = len(names)
    rng = np.random.default_rng(random_state)
    share = min(1.0, MAX_PAIRS / max(1, n * (n - 1) // 2))
    first, average = np.full(n, np.nan), np.full(n, np.nan)
    pairs: list[tuple[Floats, NDArray[np.intp]]] = []
    for queries, distances in leave_subject_out(embeddings, names, owners, metric=metric):
        relevant = names[queries, None] == names[None, :]
        first[queries] = precision_at_k(distances, relevant, 1)
        average[queries] = average_precision(distances, relevant)
        once = np.isfinite(distances) & (np.arange(n)[None, :] > queries[:, None])
        if share < 1:
            once &= rng.random(once.shape) < share
        a, b = np.nonzero(once)
        pairs.append((distances[a, b], np.stack([queries[a], b])))
    auc = _pair_auc(
        np.concatenate([d for d, _ in pairs]), np.hstack([p for _, p in pairs]), names, owners
    )
    return _retrieval(first, average, names, owners, random_state), auc


def _retrieval(
    first: Floats,
    average: Floats,
    names: NDArray[np.str_],
    owners: NDArray[np.intp],
    random_state: int,
) -> Retrieval:
    answered = np.isfinite(first)
    asked, askers = names[answered], owners[answered]
    blind_first = mean_over_queries(chance_precision(names, owners), names)
    blind_average = mean_over_queries(chance_average_precision(names, owners), names)
    macro_majority, micro_majority = chance_accuracy(asked), majority_accuracy(asked)

    def figure(values: Floats, *, macro: bool, chance: float, majority: float | None) -> Figure:
        kept = values[answered]
        labels = asked if macro else None
        low, high = cluster_bootstrap(kept, askers, labels=labels, random_state=random_state)
        mean = mean_over_queries(kept, asked)
        value = mean.macro if macro else mean.micro
        return Figure(
            value, low, high, chance, majority, int(answered.sum()), len(np.unique(askers))
        )

    return Retrieval(
        figure(first, macro=True, chance=blind_first.macro, majority=macro_majority),
        figure(first, macro=False, chance=blind_first.micro, majority=micro_majority),
        figure(average, macro=True, chance=blind_average.macro, majority=None),
        figure(average, macro=False, chance=blind_average.micro, majority=None),
    )


def _pair_auc(
    distances: Floats,
    pairs: NDArray[np.intp],
    names: NDArray[np.str_],
    owners: NDArray[np.intp],
) -> PairAuc:
    """AUC of pairs (2, m), with an interval over subjects.

    The interval is the infinitesimal jackknife over subjects (B. Efron, "The jackknife, the
    bootstrap and other resampling plans", 1982, chapter 6): how much the AUC would move with the
    weight of each subject. It is what the bootstrap of subjects tends to, without sorting all
    pairs again for each resample.
    """
    same = names[pairs[0]] == names[pairs[1]]
    close, far = np.sort(distances[same]), np.sort(distances[~same])
    wins = np.empty(len(distances))  # of each pair against the pairs of the other kind
    wins[same] = 1 - _place(far, distances[same])
    wins[~same] = _place(close, distances[~same])
    value = float(wins[same].mean())
    n_subjects = int(owners.max()) + 1
    if value in (0.0, 1.0):
        low, high = wilson_interval(n_subjects * value, n_subjects)
        return PairAuc(value, low, high, len(close), len(far))
    pull = (wins - value) / np.where(same, len(close), len(far))
    influence = np.zeros(n_subjects)
    for end in pairs:
        influence += np.bincount(owners[end], weights=pull, minlength=n_subjects)
    half = NormalDist().inv_cdf(0.975) * float(np.sqrt(np.sum(influence**2)))
    return PairAuc(value, max(0.0, value - half), min(1.0, value + half), len(close), len(far))


def _place(ranked: Floats, values: Floats) -> Floats:
    """Share of `ranked` below each value; equal ones count one half."""
    below = np.searchsorted(ranked, values, side="left")
    up_to = np.searchsorted(ranked, values, side="right")
    share: Floats = (below + up_to) / (2 * len(ranked))
    return share
