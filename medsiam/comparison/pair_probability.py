"""The probability that a query and a case of the bank share a condition, measured honestly.

It is the probability of the case's condition given the query: two cases of one condition cannot
differ in whether they share the query's. A curve over the distance of the single pair, which is
the usual calibration, is measured beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.calibration import ConformalLimit, Probabilities
from medsiam.comparison.combined import Combined, fit_combined
from medsiam.comparison.conformal import LEVELS, conformal_limit, fewest_patients
from medsiam.comparison.leave_patient_out import LeftOut
from medsiam.comparison.rejection import Share
from medsiam.comparison.reliability import brier, measure_reliability
from medsiam.metrics import wilson_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_FOLDS = 5
_HALVES = 20
_DRAWS = 200
_COVERAGE_LEVEL = 0.9


def out_of_fold(found: LeftOut, *, random_state: int = 0) -> Floats:
    """(m, c) probabilities of every asking case, fitted on other folds of patients.

    Where a fit on the other folds is not possible, that on all patients stands in.
    """
    folds = _folds(found.patients, random_state)
    whole = fit_combined(found)
    given = np.empty(found.to_prototype.shape)
    for fold in range(_FOLDS):
        own = folds == fold
        learned = fit_combined(found.only(~own)) or whole
        if learned is None:
            raise ValueError("no probabilities without a fit")
        part = found.only(own)
        given[own] = learned.probabilities(learned.distances(part.nearest, part.to_prototype))
    return given


def measure_probabilities(
    found: LeftOut, given: Floats, combined: Combined, *, random_state: int = 0
) -> Probabilities:
    """Measure the probabilities of `out_of_fold`, beside what people make up.

    Args:
        found: who asked.
        given: (m, c) their answers, from a fit on others.
        combined: the fit on all, which is kept.
        random_state: seed of folds, bootstrap and halves.
    """
    asks = found.answerable
    own, answers = found.only(asks), given[asks]
    rows, places = np.nonzero(own.matches >= 0)
    shown, distances = own.matches[rows, places], own.match_distances[rows, places]
    right = shown == own.truth[rows]
    said = answers[rows, shown]
    weights = own.weights[rows]
    truth = np.eye(len(own.conditions))[own.truth]
    coverage, size = _coverage(own, answers, random_state)
    of_true = answers[np.arange(len(answers)), own.truth]
    base = np.full(len(said), np.average(right, weights=weights))
    by_distance = _curve(distances, right, weights, own.patients[rows], random_state)
    return Probabilities(
        combined=combined,
        brier=brier(said, right, weights=weights),
        brier_one_less=brier(np.clip(1 - distances, 0, 1), right, weights=weights),
        brier_inverse=brier(1 / (1 + distances), right, weights=weights),
        brier_base=brier(base, right, weights=weights),
        brier_distance=brier(by_distance, right, weights=weights),
        brier_conditions=float(
            np.average(((answers - truth) ** 2).sum(axis=1), weights=own.weights)
        ),
        reliability=measure_reliability(
            said,
            right,
            own.patients[rows],
            weights=weights,
            lucky=drawn_matches(answers, shown, rows, random_state=random_state),
            random_state=random_state,
        ),
        limits=tuple(
            ConformalLimit(level, conformal_limit(of_true, own.patients, level)) for level in LEVELS
        ),
        coverage=coverage,
        set_size=size,
    )


def drawn_matches(
    given: Floats, shown: Codes, rows: Codes, *, random_state: int = 0
) -> NDArray[np.bool_]:
    """Which pairs would be right if the conditions of the queries were drawn as given.

    Args:
        given: (m, c) probabilities.
        shown: (p,) condition of the case of each pair.
        rows: (p,) query of each pair; all pairs of a query share its drawn condition.
        random_state: seed.

    Returns:
        (200, p).
    """
    bounds = np.cumsum(given, axis=1)
    draws = np.random.default_rng(random_state).random((_DRAWS, len(given)))
    drawn = np.stack([(draw[:, None] > bounds[:, :-1]).sum(axis=1) for draw in draws])
    return np.asarray(drawn[:, rows] == shown)


def _folds(patients: Codes, random_state: int) -> Codes:
    """(m,) fold of each case; all cases of a patient are in one."""
    owners = np.unique(patients, return_inverse=True)[1]
    order = np.random.default_rng(random_state).permutation(int(owners.max()) + 1)
    return np.asarray(order[owners] % _FOLDS)


def _curve(
    distances: Floats,
    right: NDArray[np.bool_],
    weights: Floats,
    patients: Codes,
    random_state: int,
) -> Floats:
    """A logistic curve over the distance of the pair, fitted on other folds of patients."""
    from sklearn.linear_model import LogisticRegression  # slow to import, and not needed to compare

    folds = _folds(patients, random_state)
    features = ((distances - distances.mean()) / (distances.std() or 1.0))[:, None]
    said = np.empty(len(distances))
    for fold in range(_FOLDS):
        own = folds == fold
        truth = right[~own]
        if truth.all() or not truth.any():
            said[own] = float(truth.any())
            continue
        curve = LogisticRegression(C=100.0).fit(features[~own], truth, sample_weight=weights[~own])
        said[own] = curve.predict_proba(features[own])[:, 1]
    return said


def _coverage(
    own: LeftOut, answers: Floats, random_state: int
) -> tuple[Share | None, float | None]:
    """How often sets held the truth, and their size, over random halves of the patients."""
    owners = np.unique(own.patients, return_inverse=True)[1]
    n = int(owners.max()) + 1
    if n // 2 < fewest_patients(_COVERAGE_LEVEL):
        return None, None
    of_true = answers[np.arange(len(answers)), own.truth]
    rng = np.random.default_rng(random_state)
    held, sizes = [], []
    for _ in range(_HALVES):
        sets_limit = np.isin(owners, rng.permutation(n)[: n // 2])
        limit = conformal_limit(of_true[sets_limit], owners[sets_limit], _COVERAGE_LEVEL)
        if limit is None:
            raise ValueError("half of the patients were enough just now")
        asks, weights = ~sets_limit, own.weights[~sets_limit]
        inside = answers[asks] >= min(limit, 1.0)
        inside |= answers[asks] == answers[asks].max(axis=1, keepdims=True)
        in_set = inside[np.arange(len(inside)), own.truth[asks]]
        held.append(np.average(in_set, weights=weights))
        sizes.append(np.average(inside.sum(axis=1), weights=weights))
    value = float(np.mean(held))
    return Share(value, *wilson_interval(n * value, n), n), float(np.mean(sizes))
