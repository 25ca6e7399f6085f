"""Whether probabilities mean what they say: of all answers given 0.7, seven in ten are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medsiam.errors import UsageError

Floats = NDArray[np.float64]

N_BINS = 10
_RESAMPLES = 500


@dataclass(frozen=True)
class Bin:
    """Answers of about one probability.

    Attributes:
        probability: their mean.
        observed: share of them that were right.
        weight: their share of all answers.
    """

    probability: float
    observed: float
    weight: float


@dataclass(frozen=True)
class Reliability:
    """How far probabilities lie from what was observed.

    Attributes:
        ece: expected calibration error: mean distance of a bin's probability from its observed
            share. Bins hold equally many answers.
        low, high: its 95 % interval over patients.
        ece_by_luck: what perfect probabilities would score on as many answers, for few answers
            miss their probability by luck alone.
        bins: see `Bin`.
        n_answers, n_patients: what it was measured on.
    """

    ece: float
    low: float
    high: float
    ece_by_luck: float
    bins: tuple[Bin, ...]
    n_answers: int
    n_patients: int


def measure_reliability(
    probabilities: ArrayLike,
    right: ArrayLike,
    patients: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    lucky: NDArray[np.bool_] | None = None,
    random_state: int = 0,
) -> Reliability:
    """Measure probabilities that were given without knowing the outcome.

    M. P. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015, with equally filled bins (K. Nguyen and B. O'Connor, EMNLP 2015). The interval is the
    percentile interval of a bootstrap of whole patients; as the error cannot be negative, it
    lies rather too high than too low.

    Args:
        probabilities: (n,).
        right: (n,) outcomes.
        patients: (n,) who asked.
        weights: (n,) of the answers; None: each 1.
        lucky: (r, n) outcomes drawn as the probabilities have it, where those of several answers
            hang together; None: each is drawn by itself.
        random_state: seed of bootstrap and luck.

    Raises:
        UsageError: for fewer answers than bins.
    """
    given = np.asarray(probabilities, dtype=np.float64)
    truth = np.asarray(right, dtype=np.float64)
    if len(given) < N_BINS:
        raise UsageError(f"reliability needs at least {N_BINS} answers, got {len(given)}")
    mass = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=np.float64)
    owners = np.unique(np.asarray(patients), return_inverse=True)[1]
    order = np.argsort(given, kind="stable")
    given, truth, mass, owners = given[order], truth[order], mass[order], owners[order]
    rng = np.random.default_rng(random_state)
    drawn = rng.random((_RESAMPLES, len(given))) < given if lucky is None else lucky[:, order]
    n = int(owners.max()) + 1
    draws = rng.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)
    resampled = [_ece(given, truth, mass * draw[owners]) for draw in draws]
    by_luck = [_ece(given, outcome.astype(np.float64), mass) for outcome in drawn]
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Reliability(
        ece=_ece(given, truth, mass),
        low=float(low),
        high=float(high),
        ece_by_luck=float(np.mean(by_luck)),
        bins=_bins(given, truth, mass),
        n_answers=len(given),
        n_patients=n,
    )


def brier(probabilities: ArrayLike, right: ArrayLike, *, weights: Floats | None = None) -> float:
    """Mean squared distance of a probability from its outcome, 0 or 1; lower is better.

    G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
    Review 78 (1950).
    """
    given = np.asarray(probabilities, dtype=np.float64)
    squares = (given - np.asarray(right, dtype=np.float64)) ** 2
    return float(np.average(squares, weights=weights))


def _edges(mass: Floats) -> NDArray[np.intp]:
    """(n,) bin of each answer, so that the bins weigh the same; answers come sorted."""
    places = (np.cumsum(mass) - mass / 2) / mass.sum() * N_BINS
    return np.asarray(np.minimum(places.astype(np.intp), N_BINS - 1))


def _sums(given: Floats, truth: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    bins = _edges(mass)
    weight, said, seen = (
        np.bincount(bins, weights=values, minlength=N_BINS).astype(np.float64)
        for values in (mass, mass * given, mass * truth)
    )
    return weight, said, seen


def _ece(given: Floats, truth: Floats, mass: Floats) -> float:
    weight, said, seen = _sums(given, truth, mass)
    return float(np.abs(said - seen).sum() / weight.sum())


def _bins(given: Floats, truth: Floats, mass: Floats) -> tuple[Bin, ...]:
    weight, said, seen = _sums(given, truth, mass)
    total = weight.sum()
    return tuple(
        Bin(float(s / w), float(t / w), float(w / total))
        for w, s, t in zip(weight, said, seen, strict=True)
        if w > 0
    )
