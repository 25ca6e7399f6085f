"""Same condition or not: what a threshold on the distance of two cases achieves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.influence import auc_influence
from medsiam.evaluation.ranking import Rankings
from medsiam.evaluation.result import Figure, PairAuc, Verification
from medsiam.evaluation.spread import Spread

Floats = NDArray[np.float64]

FALSE_ACCEPTS = (0.01, 0.001)
_MOST_RESAMPLED = 200_000  # pairs that the bootstrap weighs
_N_RESAMPLES = 200
_RESAMPLED = ("equal_error_rate", "tar_at_far_1", "tar_at_far_01")


def measure_pair_auc(found: Rankings) -> tuple[PairAuc, Spread]:
    """AUC of the pairs, with an interval over the subjects at both of their ends."""
    owners, pairs, distances = found.cohort.owners, found.pairs, found.distances
    same = same_condition(found)
    value, pull = auc_influence(-distances, same)
    influence = np.zeros(found.cohort.n_subjects)
    for end in pairs:
        influence += np.bincount(owners[end], weights=pull, minlength=len(influence))
    spread = Spread(value, influence, n_asked=_n_asked(found))
    n_same = int(same.sum())
    return PairAuc(value, *spread.interval(), n_same, len(same) - n_same), spread


def measure_verification(
    found: Rankings, *, random_state: int
) -> tuple[Verification, dict[str, Spread]]:
    """Equal error rate, and same pairs accepted at two rates of false acceptance.

    The intervals come from a bootstrap of subjects in which a pair weighs the product of its
    subjects' weights (A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007)
    386-411).

    Args:
        found: the rankings, with their pairs.
        random_state: seed of the bootstrap.
    """
    same = same_condition(found)
    order = np.argsort(found.distances, kind="stable")
    distances, is_same = found.distances[order], same[order]
    values = _figures(distances, is_same, np.ones(len(order)))
    resamples = _resample(found, random_state)
    asked = found.pairs.ravel()
    size = (len(np.unique(asked)), len(np.unique(found.cohort.owners[asked])))
    chances = {"equal_error_rate": 0.5, "tar_at_far_1": 0.01, "tar_at_far_01": 0.001}
    still = np.zeros(found.cohort.n_subjects)
    n_asked = _n_asked(found)
    spreads = {
        name: Spread(values[name], still, resamples=resamples[name], n_asked=n_asked)
        for name in chances
    }
    figures = {
        name: Figure(spread.value, *spread.interval(), chances[name], None, *size)
        for name, spread in spreads.items()
    }
    return (
        Verification(
            **figures,
            threshold=values["threshold"],
            n_same=int(same.sum()),
            n_different=int((~same).sum()),
        ),
        spreads,
    )


def same_condition(found: Rankings) -> NDArray[np.bool_]:
    """(m,) pairs of one condition."""
    names = found.cohort.labels
    return np.asarray(names[found.pairs[0]] == names[found.pairs[1]])


def _n_asked(found: Rankings) -> int:
    """Subjects that ask in the pairs: both ends ask, unless a pair has a direction."""
    asking = found.pairs[0] if found.cohort.one_sided else found.pairs
    return len(np.unique(found.cohort.owners[asking]))


def roc_points(distances: Floats, same: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Thresholds with the shares of different and of same pairs that they accept, (k,) each."""
    order = np.argsort(distances, kind="stable")
    return _curve(distances[order], same[order], np.ones(len(order)))


def _curve(
    distances: Floats, same: NDArray[np.bool_], weights: Floats
) -> tuple[Floats, Floats, Floats]:
    """The ROC curve of sorted pairs; tied pairs are accepted together."""
    last = np.append(distances[1:] != distances[:-1], True)
    true = np.cumsum(np.where(same, weights, 0.0))[last]
    false = np.cumsum(np.where(same, 0.0, weights))[last]
    return distances[last], false / max(false[-1], 1e-300), true / max(true[-1], 1e-300)


def _figures(distances: Floats, same: NDArray[np.bool_], weights: Floats) -> dict[str, float]:
    thresholds, far, tar = _curve(distances, same, weights)
    missed = 1 - tar
    at = int(np.argmin(np.abs(far - missed)))
    names = ("tar_at_far_1", "tar_at_far_01")
    # Between two thresholds a coin may decide, so that the rate of false acceptance is met.
    accepted = np.interp(FALSE_ACCEPTS, np.append(0.0, far), np.append(0.0, tar))
    return {
        "equal_error_rate": float((far[at] + missed[at]) / 2),
        "threshold": float(thresholds[at]),
        **dict(zip(names, accepted.tolist(), strict=True)),
    }


def _resample(found: Rankings, random_state: int) -> dict[str, Floats]:
    rng = np.random.default_rng(random_state)
    n_subjects, pairs, distances = found.cohort.n_subjects, found.pairs, found.distances
    same = same_condition(found)
    if len(distances) > _MOST_RESAMPLED:
        chosen = np.sort(rng.choice(len(distances), _MOST_RESAMPLED, replace=False))
        pairs, distances, same = pairs[:, chosen], distances[chosen], same[chosen]
    order = np.argsort(distances, kind="stable")
    ends = found.cohort.owners[pairs[:, order]]
    distances, same = distances[order], same[order]
    rows = []
    for _ in range(_N_RESAMPLES):
        weights = rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects))
        of_pairs = np.asarray(weights[ends[0]] * weights[ends[1]], dtype=np.float64)
        if of_pairs[same].any() and of_pairs[~same].any():
            rows.append(_figures(distances, same, of_pairs))
    if 2 * len(rows) < _N_RESAMPLES:  # nothing is known of the spread
        return dict.fromkeys(_RESAMPLED, np.full(_N_RESAMPLES, np.nan))
    return {name: np.array([row[name] for row in rows]) for name in _RESAMPLED}
