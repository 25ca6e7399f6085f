"""When to say "none of these": measured by leaving each condition of the bank out in turn.

The score is the combined distance of the nearest condition. On cells, chest films and ultrasound
it told a left-out condition better than the distance to the nearest case, the mean over the
nearest three, or the largest probability, and as well as the best mixtures of them (docs/
calibration.md has the figures).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.leave_patient_out import LeftOut
from medsiam.metrics import roc_auc, wilson_interval

Floats = NDArray[np.float64]

# The price that is paid for noticing anything: one known case in twenty is turned away.
KNOWN_REJECTED = 0.05
_RESAMPLES = 200


@dataclass(frozen=True)
class Share:
    """A share of patients with Wilson's 95 % interval.

    Attributes:
        value: the share, every patient weighing 1.
        low, high: the interval.
        n_patients: how many there were.
    """

    value: float
    low: float
    high: float
    n_patients: int


@dataclass(frozen=True)
class Rejection:
    """The limit beyond which nothing in the bank is like a query, and how often it errs.

    Attributes:
        threshold: of the score, from `KNOWN_REJECTED`.
        known_rejected: cases whose condition the bank holds, turned away all the same.
        unknown_accepted: cases of a condition that was left out of the bank, let pass.
        auroc: probability that a case of a left-out condition scores higher than a known one;
            mean over the conditions left out. Chance is 0.5.
        low, high: 95 % interval of it, over patients.
    """

    threshold: float
    known_rejected: Share
    unknown_accepted: Share
    auroc: float
    low: float
    high: float


def measure_rejection(scores: Floats, found: LeftOut, *, random_state: int = 0) -> Rejection | None:
    """Choose the limit, and measure it on conditions that are left out.

    Args:
        scores: (m, c) distance of each asking case to each condition, its own patient left out;
            a case's score in a bank is the least over the conditions of that bank.
        found: who asks.
        random_state: seed of the interval.

    Returns:
        None where the bank has fewer than two conditions to leave out, or nobody to ask.
    """
    known = found.answerable
    if len(found.conditions) < 2 or not known.any():
        return None
    weights = found.weights
    whole = scores.min(axis=1)
    threshold = _weighted_quantile(whole[known], weights[known], 1 - KNOWN_REJECTED)
    rows = np.arange(len(scores))
    without = scores.copy()
    without[rows, found.truth] = np.inf
    unknown = np.isfinite(without.min(axis=1))
    aurocs = _aurocs(scores, found, np.ones(len(scores), dtype=bool))
    if not aurocs:
        return None
    low, high = _interval(scores, found, float(np.mean(aurocs)), random_state)
    return Rejection(
        threshold=threshold,
        known_rejected=_share(whole[known] > threshold, found.only(known)),
        unknown_accepted=_share(without.min(axis=1)[unknown] <= threshold, found.only(unknown)),
        auroc=float(np.mean(aurocs)),
        low=low,
        high=high,
    )


def _aurocs(scores: Floats, found: LeftOut, drawn: NDArray[np.bool_]) -> list[float]:
    """One AUROC for each condition that can be left out, among the asking cases drawn."""
    values = []
    for code in range(len(found.conditions)):
        least = np.delete(scores, code, axis=1).min(axis=1)
        unknown = drawn & (found.truth == code) & np.isfinite(least)
        known = drawn & (found.truth != code) & found.answerable
        if unknown.any() and known.any():
            both = unknown | known
            values.append(roc_auc(least[both], unknown[both]))
    return values


def _interval(
    scores: Floats, found: LeftOut, value: float, random_state: int
) -> tuple[float, float]:
    """Spread over random halves of the patients (J. Shao and C. F. J. Wu 1989)."""
    owners = np.unique(found.patients, return_inverse=True)[1]
    n = int(owners.max()) + 1
    rng = np.random.default_rng(random_state)
    halves = []
    for _ in range(_RESAMPLES):
        chosen = np.zeros(n, dtype=bool)
        chosen[rng.permutation(n)[: n // 2]] = True
        if part := _aurocs(scores, found, chosen[owners]):
            halves.append(float(np.mean(part)))
    half = 1.96 * float(np.std(halves)) if len(halves) > 1 else 1.0
    return max(0.0, value - half), min(1.0, value + half)


def _share(hits: NDArray[np.bool_], found: LeftOut) -> Share:
    weights = found.weights
    n = len(np.unique(found.patients))
    value = float(np.average(hits, weights=weights))
    return Share(value, *wilson_interval(n * value, n), n)


def _weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest value that at least this share of the weight does not exceed."""
    order = np.argsort(values, kind="stable")
    covered = np.cumsum(weights[order]) / weights.sum()
    return float(values[order[int(np.searchsorted(covered, share - 1e-9))]])
