"""Is a condition that the bank lacks noticed? Each condition is left out of the bank in turn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.halves import over_halves
from medsiam.evaluation.ranking import Rankings
from medsiam.evaluation.result import Figure, OpenSet
from medsiam.evaluation.spread import Spread
from medsiam.metrics import roc_auc

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def measure_open_set(
    found: Rankings, *, random_state: int
) -> tuple[OpenSet, dict[str, Spread]] | None:
    """Tell queries of a left-out condition by the distance to the nearest case of the others.

    All queries face the same bank: the cases of the other conditions, without their own subject's.

    Args:
        found: the rankings.
        random_state: seed of the intervals.

    Returns:
        None where no condition can be left out with queries on both sides.
    """
    cohort = found.cohort
    shortest = found.by_condition[:, :, 0]
    scores = {
        label: _auroc_and_fpr(shortest, cohort.labels, label, cohort.asks)
        for label in range(cohort.n_conditions)
    }
    scores = {label: pair for label, pair in scores.items() if np.isfinite(pair[0])}
    if not scores:
        return None
    labels = tuple(scores)

    def figures(drawn: Mask) -> dict[str, float]:
        present = drawn[cohort.owners[found.members]] & (found.members >= 0)
        near = np.where(present, found.by_condition, np.inf).min(axis=2)
        asks = cohort.asks & drawn[cohort.owners]
        pairs = [_auroc_and_fpr(near, cohort.labels, label, asks) for label in labels]
        auroc, fpr = np.array(pairs).T
        known = np.isfinite(auroc)
        if not known.any():
            return {"auroc": float("nan"), "fpr95": float("nan")}
        return {"auroc": float(auroc[known].mean()), "fpr95": float(fpr[known].mean())}

    resamples = over_halves(figures, cohort.n_subjects, random_state=random_state, n_halves=200)
    still = np.zeros(cohort.n_subjects)
    size = (int(cohort.asks.sum()), len(np.unique(cohort.owners[cohort.asks])))
    means = np.mean(list(scores.values()), axis=0)
    spreads = {
        name: Spread(float(value), still, resamples=resamples[name], n_asked=size[1])
        for name, value in zip(("auroc", "fpr95"), means, strict=True)
    }
    chances = {"auroc": 0.5, "fpr95": 0.95}
    shown = {
        name: Figure(spread.value, *spread.interval(), chances[name], None, *size)
        for name, spread in spreads.items()
    }
    names = np.unique(cohort.names)
    by_condition = {str(names[label]): pair[0] for label, pair in scores.items()}
    return OpenSet(**shown, by_condition=by_condition), spreads


def _auroc_and_fpr(
    shortest: Floats, labels: NDArray[np.intp], left_out: int, asks: Mask
) -> tuple[float, float]:
    """AUROC and FPR95 for one condition left out of the bank; NaN where a side is empty.

    Args:
        shortest: (n, c) distance of each case to the nearest of each condition.
        labels: (n,) conditions.
        left_out: the one that the bank lacks.
        asks: (n,) the queries.
    """
    others = np.delete(shortest, left_out, axis=1)
    distance = others.min(axis=1, initial=np.inf)
    unknown = asks & (labels == left_out) & np.isfinite(distance)
    # Known means: its own condition has a case in the bank for it.
    own = shortest[np.arange(len(labels)), labels]
    known = asks & (labels != left_out) & np.isfinite(own)
    if not unknown.any() or not known.any():
        return float("nan"), float("nan")
    both = unknown | known
    limit = np.quantile(distance[known], 0.95, method="higher")
    auroc = roc_auc(distance[both], unknown[both])
    return auroc, float(np.mean(distance[unknown] <= limit))
