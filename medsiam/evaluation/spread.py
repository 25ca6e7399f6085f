"""How a figure moves when the subjects change: what its interval and its comparison rest on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from medsiam.metrics import influence_interval, wilson_interval

Floats = NDArray[np.float64]

N_REPLICATES = 4000


@dataclass(frozen=True, eq=False)
class Spread:
    """A figure and its variation over subjects, as influences or as resamples.

    Attributes:
        value: the figure.
        by_subject: (s,) derivative of the figure by the weight of each subject, all being 1.
        extra: variance from other sources, such as a finite number of episodes.
        resamples: (r,) the figure in resamples of the subjects, so scaled that their variance is
            that of the figure; None where `by_subject` says it. Two encoders with the same cases
            and seed have the same resamples in the same order. NaN: nothing is known of it.
        n_asked: subjects whose queries the figure is of; None: all s.
    """

    value: float
    by_subject: Floats
    extra: float = 0.0
    resamples: Floats | None = None
    n_asked: int | None = None

    @property
    def is_unknown(self) -> bool:
        """True where there were too few subjects to say how the figure varies."""
        return self.resamples is not None and not np.isfinite(self.resamples).all()

    def interval(self, *, confidence: float = 0.95) -> tuple[float, float]:
        """Low and high end; Wilson's interval over those who asked for a figure of 0 or 1."""
        n = len(self.by_subject) if self.n_asked is None else self.n_asked
        if not 0 < self.value < 1:
            return wilson_interval(n * min(max(self.value, 0.0), 1.0), n, confidence=confidence)
        if self.is_unknown:
            return 0.0, 1.0
        if self.resamples is None:
            return influence_interval(
                self.value, self.by_subject, extra=self.extra, confidence=confidence
            )
        half = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.std(self.resamples))
        return max(0.0, self.value - half), min(1.0, self.value + half)


_LABELS = {
    "retrieval.precision_at_1": "P@1",
    "retrieval.precision_at_5": "P@5",
    "retrieval.precision_at_10": "P@10",
    "retrieval.mean_average_precision": "mAP",
    "verification.auc": "pair AUC",
    "open_set.auroc": "open-set AUROC",
}


@dataclass(frozen=True)
class Difference:
    """A figure of one encoder less that of another, over the same cases.

    Attributes:
        measure: which figure.
        value: first less second.
        low, high: 95 % interval of the paired bootstrap over subjects.
        p: two-sided probability of a difference this far from 0 if there were none.
    """

    measure: str
    value: float
    low: float
    high: float
    p: float

    @property
    def label(self) -> str:
        """The figure as tables for people call it."""
        section, name = [*self.measure.split(".", 1), ""][:2]
        if section == "few_shot" and name.isdigit():
            return f"{name}-shot"
        return _LABELS.get(self.measure, self.measure.replace("_", " ").replace(".", ": "))


def paired_difference(
    measure: str, first: Spread, second: Spread, *, random_state: int
) -> Difference:
    """Compare two encoders by drawing the subjects once for both.

    Where a figure has influences, the bootstrap is taken to first order: a resample's difference
    is the difference plus the subjects' weights, less 1, times the difference of their influences
    (B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, chapters 16 and 22).

    Args:
        measure: name of the figure.
        first: one encoder's.
        second: the other's, of the same cases, protocol and seed.
        random_state: seed of the draws.
    """
    value = first.value - second.value
    if first.is_unknown or second.is_unknown:
        return Difference(measure, value, -1.0, 1.0, 1.0)
    if first.resamples is not None and second.resamples is not None:
        moves = first.resamples - second.resamples
        moves = moves - moves.mean()
    else:
        moves = _linear_moves(first, second, random_state)
    low, high = np.quantile(value + moves, [0.025, 0.975])
    beyond = int(np.sum(np.abs(moves) >= abs(value) - 1e-12))
    p = 1.0 if value == 0 else min(1.0, (beyond + 1) / (len(moves) + 1))
    return Difference(measure, value, float(low), float(high), p)


def _linear_moves(first: Spread, second: Spread, random_state: int) -> Floats:
    rng = np.random.default_rng(random_state)
    influence = first.by_subject - second.by_subject
    n = len(influence)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_REPLICATES)
    extra = math.sqrt(max(0.0, first.extra) + max(0.0, second.extra))
    moves: Floats = (weights - 1.0) @ influence + extra * rng.standard_normal(N_REPLICATES)
    return moves
