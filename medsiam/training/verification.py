"""The 1:1 question "same condition?": the threshold and probabilities of an encoder's card.

    card = fit_verification(embeddings, conditions, subjects, metric="cosine", measured_on="...")

Every pair of validation scans of two subjects is an example. The threshold is the distance at
which as many different pairs pass for the same as same pairs pass for different (equal error
rate); the probability is J. Platt's logistic curve of the distance (Probabilistic outputs for
support vector machines, 1999), same and different pairs weighing half each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medsiam.distances import pairwise_distances
from medsiam.encoders import Verification

# Fewer than these, and one subject more or less moves the threshold by more than it is good for.
_LEAST_SUBJECTS = 10
_LEAST_PAIRS = 30  # of each kind
_MOST_SCANS = 400  # 80 thousand pairs; more change the figures less than their interval
_RESAMPLES = 200
_MOST_STEPS = 100  # of Newton's method, which takes about ten
_CHANCE = 0.5  # share of errors where distances say nothing

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs in order of their distance.

    Attributes:
        distances: (n,) ascending.
        same: (n,) whether both scans have one condition.
        first, second: (n,) number of each scan's subject.
        n_subjects: in all.
    """

    distances: Floats
    same: NDArray[np.bool_]
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    n_subjects: int


def fit_verification(
    embeddings: NDArray[np.floating],
    conditions: Sequence[str],
    subjects: Sequence[str],
    *,
    metric: Literal["euclidean", "cosine"],
    measured_on: str,
) -> Verification:
    """Fit threshold and probability on pairs of scans of different subjects.

    Deterministic. Of more than 400 scans, 400 evenly spaced ones are taken.

    Args:
        embeddings: (n, d) of scans that the weights were not fitted on.
        conditions: n.
        subjects: n; scans of one subject are never a pair.
        metric: of the distance.
        measured_on: data set and part; error rate, interval and caveat are added to it.

    Returns:
        A record without threshold, and with the reason, where there are too few subjects or
        pairs, or where same pairs are not nearer than different ones beyond chance.
    """
    chosen = np.unique(np.linspace(0, len(conditions) - 1, min(len(conditions), _MOST_SCANS)))
    rows = chosen.astype(np.intp)
    names, owners = np.asarray(conditions)[rows], np.asarray(subjects)[rows]
    pairs = _all_pairs(np.asarray(embeddings)[rows], names, owners, metric)
    reason = _too_few(pairs, n_conditions=len(set(names)))
    counts: dict[str, Any] = {
        "metric": metric,
        "n_pairs": len(pairs.distances),
        "n_subjects": pairs.n_subjects,
    }
    if reason is None:
        threshold, error = _equal_error(pairs, np.ones(len(pairs.distances)))
        low, high = _error_interval(pairs)
        slope, intercept = _platt(pairs.distances, pairs.same)
        if high >= _CHANCE or slope >= 0:
            reason = (
                f"pairs of one condition were not clearly nearer than pairs of two (error rate "
                f"{error:.3f}, 95 % interval {low:.3f} to {high:.3f}, chance {_CHANCE})"
            )
    if reason is not None:
        return Verification(
            **counts, measured_on=measured_on, reason=f"no threshold: {reason}; {measured_on}"
        )
    return Verification(
        **counts,
        threshold=threshold,
        slope=slope,
        intercept=intercept,
        measured_on=f"{measured_on}: at the threshold {error:.3f} of same and of different "
        f"pairs are misjudged (95 % interval over subjects {low:.3f} to {high:.3f}; chance "
        f"{_CHANCE}); the {len(set(names))} conditions were seen in training, so expect more "
        "errors on others",
        reason=None,
    )


def _all_pairs(
    embeddings: NDArray[np.floating],
    conditions: NDArray[np.str_],
    subjects: NDArray[np.str_],
    metric: str,
) -> _Pairs:
    owners = np.unique(subjects, return_inverse=True)[1]
    i, j = np.triu_indices(len(owners), k=1)
    apart = owners[i] != owners[j]
    i, j = i[apart], j[apart]
    distances = pairwise_distances(embeddings, embeddings, metric=metric)[i, j]
    order = np.argsort(distances, kind="stable")
    i, j = i[order], j[order]
    return _Pairs(
        distances[order],
        conditions[i] == conditions[j],
        owners[i],
        owners[j],
        int(owners.max(initial=-1)) + 1,
    )


def _too_few(pairs: _Pairs, *, n_conditions: int) -> str | None:
    """Why nothing can be fitted, or None."""
    same = int(pairs.same.sum())
    different = len(pairs.same) - same
    if n_conditions < 2:
        return "at least two conditions are needed"
    if pairs.n_subjects < _LEAST_SUBJECTS:
        return f"{pairs.n_subjects} subjects, at least {_LEAST_SUBJECTS} are needed"
    if min(same, different) < _LEAST_PAIRS:
        return (
            f"{same} pairs of one condition and {different} of two, of different subjects; at "
            f"least {_LEAST_PAIRS} of each are needed"
        )
    return None


def _equal_error(pairs: _Pairs, weights: Floats) -> tuple[float, float]:
    """Threshold where both error rates meet, and their mean there.

    Args:
        pairs: n.
        weights: (n,) how often each pair counts.

    Returns:
        The threshold lies halfway between two distances that occur.
    """
    # After the k nearest pairs passed for the same: who of the different passed, who did not.
    same, different = weights * pairs.same, weights * ~pairs.same
    accepted = np.concatenate([[0.0], np.cumsum(different)]) / different.sum()
    missed = 1 - np.concatenate([[0.0], np.cumsum(same)]) / same.sum()
    # Equal distances pass together, so a cut lies only between different ones.
    cuts = np.flatnonzero(np.diff(pairs.distances) > 0) + 1
    if len(cuts) == 0:
        return float(pairs.distances[0]), 0.5
    gaps = np.abs(accepted - missed)[cuts]
    best = cuts[np.flatnonzero(gaps <= gaps.min() + 1e-12)]
    cut = best[len(best) // 2]  # of several equally good ones, the middle
    threshold = (pairs.distances[cut - 1] + pairs.distances[cut]) / 2
    return float(threshold), float((accepted[cut] + missed[cut]) / 2)


def _error_interval(pairs: _Pairs) -> tuple[float, float]:
    """95 % interval of the equal error rate, subjects drawn anew.

    A pair counts as often as the product of its two subjects' draws.
    """
    random_state = np.random.default_rng(0)
    errors = []
    for _ in range(_RESAMPLES):
        drawn = random_state.multinomial(
            pairs.n_subjects, np.full(pairs.n_subjects, 1 / pairs.n_subjects)
        )
        weights = (drawn[pairs.first] * drawn[pairs.second]).astype(np.float64)
        if weights @ pairs.same and weights @ ~pairs.same:
            errors.append(_equal_error(pairs, weights)[1])
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _platt(distances: Floats, same: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the log odds of "same" by distance.

    Targets are drawn in from 0 and 1 as Platt does, by one imagined pair of either kind, so that
    kinds that do not overlap give no infinite slope.
    """
    n_same, n_different = int(same.sum()), int((~same).sum())
    targets = np.where(same, (n_same + 1) / (n_same + 2), 1 / (n_different + 2))
    weights = np.where(same, 0.5 / n_same, 0.5 / n_different)
    mean, scale = float(distances.mean()), float(distances.std()) or 1.0
    z = (distances - mean) / scale

    line = _logistic_line(np.stack([z, np.ones_like(z)], axis=1), targets, weights)
    return float(line[0] / scale), float(line[1] - line[0] * mean / scale)


def _logistic_line(x: Floats, targets: Floats, weights: Floats) -> Floats:
    """Coefficients (d,) of least weighted cross-entropy, by Newton's method with shorter steps.

    H.-T. Lin, C.-J. Lin and R. C. Weng, A note on Platt's probabilistic outputs (2007).
    """

    def loss(line: Floats) -> float:
        # log(1 + e^x) - target x is the cross-entropy of sigmoid(x).
        return float(weights @ (np.logaddexp(0, x @ line) - targets * (x @ line)))

    line = np.zeros(x.shape[1])
    for _ in range(_MOST_STEPS):
        chances = (1 + np.tanh(x @ line / 2)) / 2  # the sigmoid, which this way never overflows
        gradient = x.T @ (weights * (chances - targets))
        curvature = (x.T * (weights * chances * (1 - chances))) @ x
        step = np.linalg.solve(curvature + 1e-12 * np.eye(len(line)), gradient)
        length = 1.0
        while loss(line - length * step) > loss(line) and length > 1e-9:
            length /= 2
        line = line - length * step
        if np.abs(gradient).max() < 1e-10:
            break
    return line
