"""One distance per condition from two, and the probability that goes with it.

A conditional logit (D. McFadden, "Conditional logit analysis of qualitative choice behavior",
1974) over the bank's conditions. Its score is minus a weighted mean of two distances: to the
nearest patients of the condition and to their prototype. Two numbers are learned, the share of the
one and the temperature of the softmax, however many conditions there are, so a few dozen patients
teach them. The same combined distance says how near anything in the bank is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.leave_patient_out import LeftOut, mean_nearest

Floats = NDArray[np.float64]

# Ten patients for each of the two numbers learned (P. Peduzzi et al., J. Clin. Epidemiol. 1996).
MIN_PATIENTS = 20
_PENALTY = 0.1  # of the squared weights: keeps them finite where the patients are told apart
_ROUNDS = 100


@dataclass(frozen=True)
class Combined:
    """What a bank's patients have taught.

    Attributes:
        share: of the distance to the nearest patients in the combined distance, within [0, 1];
            the rest is that of the distance to the prototype.
        temperature: how much farther a condition must lie to be e times less probable.
    """

    share: float
    temperature: float

    def distances(self, nearest: Floats, to_prototype: Floats) -> Floats:
        """Combine (m, c, 3) and (m, c) distances to (m, c); infinite where nobody is left."""
        near = mean_nearest(nearest)
        known = np.isfinite(near)
        both = self.share * np.where(known, near, 0.0)
        both += (1 - self.share) * np.where(known, to_prototype, 0.0)
        return np.where(known, both, np.inf)

    def probabilities(self, distances: Floats) -> Floats:
        """(m, c) from (m, c) combined distances; a condition out of reach has 0."""
        return _softmax(-distances / self.temperature)


def fit_combined(found: LeftOut) -> Combined | None:
    """Learn share and temperature by penalised maximum likelihood, each patient weighing 1.

    Args:
        found: of the bank.

    Returns:
        None where fewer than `MIN_PATIENTS` patients can be asked about a choice of conditions,
        or where farther conditions are no less likely.
    """
    asks = found.answerable
    if n_answerable(found) < MIN_PATIENTS:
        return None
    near, far = mean_nearest(found.nearest[asks]), found.to_prototype[asks]
    units = _usual_lead(near), _usual_lead(far)
    features = np.stack([near / units[0], far / units[1]], axis=2)
    weights = _fit_weights(features, found.truth[asks], found.only(asks).weights)
    slopes = weights / units
    total = float(slopes.sum())
    if total <= 0:
        return None
    return Combined(float(slopes[0]) / total, 1 / total)


def n_answerable(found: LeftOut) -> int:
    """Patients who can be asked: another patient has their condition, and there is a choice."""
    if len(found.conditions) < 2:
        return 0
    return len(np.unique(found.patients[found.answerable]))


def _usual_lead(distances: Floats) -> float:
    """Median distance between the nearest and the second condition: the unit of a difference."""
    two = np.sort(distances, axis=1)[:, :2]
    lead = two[:, 1] - two[:, 0]
    lead = lead[np.isfinite(lead)]
    unit = float(np.median(lead)) if len(lead) else 0.0
    return unit if unit > 0 else 1.0


def _fit_weights(features: Floats, truth: NDArray[np.intp], weights: Floats) -> Floats:
    """(2,) weights from 0 on of (m, c, 2) features that make the true conditions most likely."""
    both = _newton(features, truth, weights, np.array([True, True]))
    if (both >= 0).all():
        return both
    # The likelihood has one peak; where it lies outside, the best point is on an edge.
    edges = [_newton(features, truth, weights, np.array(free)) for free in _EDGES]
    edges = [np.maximum(edge, 0.0) for edge in edges]
    return min(edges, key=lambda edge: _cost(features, truth, weights, edge))


_EDGES = ([True, False], [False, True])


def _newton(
    features: Floats, truth: NDArray[np.intp], weights: Floats, free: NDArray[np.bool_]
) -> Floats:
    known = np.asarray(np.isfinite(features).all(axis=2))
    x = np.where(known[:, :, None], features, 0.0)
    rows = np.arange(len(x))
    found = np.where(free, 1.0, 0.0)
    for _ in range(_ROUNDS):
        shares = _softmax(np.where(known, -(x @ found), -np.inf))
        mean = np.einsum("mc,mcf->mf", shares, x)
        slope = weights @ (x[rows, truth] - mean) + _PENALTY * found
        spread = np.einsum("m,mc,mcf,mcg->fg", weights, shares, x, x)
        spread -= np.einsum("m,mf,mg->fg", weights, mean, mean)
        curve = spread + _PENALTY * np.eye(2)
        step = np.zeros(2)
        step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
        cost, scale = _cost(features, truth, weights, found), 1.0
        while scale > 1e-6 and _cost(features, truth, weights, found - scale * step) > cost:
            scale /= 2
        found = found - scale * step
        if np.abs(scale * step).max() < 1e-8:
            break
    return found


def _cost(features: Floats, truth: NDArray[np.intp], weights: Floats, slopes: Floats) -> float:
    known = np.asarray(np.isfinite(features).all(axis=2))
    scores = np.where(known, -(np.where(known[:, :, None], features, 0.0) @ slopes), -np.inf)
    top = scores.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0]
    own = scores[np.arange(len(truth)), truth]
    return float(weights @ (log_sums - own)) + _PENALTY / 2 * float(slopes @ slopes)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
