"""Leave-one-subject-out retrieval: how high the cases of the query's condition are ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.chance import (
    chance_average_precision,
    chance_precision,
    chance_reciprocal_rank,
)
from medsiam.evaluation.halves import over_halves
from medsiam.evaluation.influence import query_influence, sum_of_each
from medsiam.evaluation.ranking import PLACES, Rankings
from medsiam.evaluation.result import Figure, Retrieval
from medsiam.evaluation.spread import Spread
from medsiam.metrics import (
    chance_accuracy,
    majority_accuracy,
    mean_over_queries,
)

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_JUMPING = (
    "precision_at_1",
    "precision_at_1_micro",
    *(f"precision_at_{k}" for k in PLACES),
    *(f"precision_at_min_{k}" for k in PLACES),
    "mean_reciprocal_rank",
)


def measure_retrieval(found: Rankings, *, random_state: int) -> tuple[Retrieval, dict[str, Spread]]:
    """Means over the queries, with intervals over subjects as queries and as references.

    Args:
        found: the rankings.
        random_state: seed of the intervals.
    """
    names = found.cohort.names
    halves = half_samples(found, random_state=random_state)
    n_asked = len(np.unique(found.cohort.owners[found.answered]))
    still = np.zeros(found.cohort.n_subjects)
    spreads: dict[str, Spread] = {}
    for measure in _JUMPING:
        plain = measure.removesuffix("_micro").removeprefix("mean_")
        score = mean_over_queries(found.values[plain], names)
        value = score.micro if measure.endswith("_micro") else score.macro
        spreads[measure] = Spread(value, still, resamples=halves[measure], n_asked=n_asked)
    spreads |= _average_precision(found)
    figures = {measure: _figure(found, measure, spread) for measure, spread in spreads.items()}
    return Retrieval(**figures), spreads


def _figure(found: Rankings, measure: str, spread: Spread) -> Figure:
    """The figure with its interval, and what chance and majority score on the same queries."""
    cohort, answered = found.cohort, found.answered
    counts = (found.n_relevant, found.n_candidates)
    majority = None
    if measure == "mean_reciprocal_rank":
        blind = chance_reciprocal_rank(*counts)
    elif measure.startswith("mean_average"):
        blind = chance_average_precision(*counts)
    else:
        blind = chance_precision(*counts)
        asked = cohort.names[answered]
        micro = measure.endswith("_micro")
        if "_at_1" in measure and "_at_10" not in measure:
            majority = majority_accuracy(asked) if micro else chance_accuracy(asked)
    chance = mean_over_queries(blind, cohort.names)
    return Figure(
        spread.value,
        *spread.interval(),
        chance.micro if measure.endswith("_micro") else chance.macro,
        majority,
        int(answered.sum()),
        len(np.unique(cohort.owners[answered])),
    )


def _average_precision(found: Rankings) -> dict[str, Spread]:
    """Macro and micro mean average precision, which move smoothly with a subject's weight."""
    cohort, answered = found.cohort, found.answered
    values = found.values["average_precision"]
    score = mean_over_queries(values, cohort.names)
    n_asked = len(np.unique(cohort.owners[answered]))
    macro = np.unique(cohort.labels[answered], return_inverse=True)[1]
    spreads = {}
    for row, (measure, value, labels) in enumerate(
        (
            ("mean_average_precision", score.macro, macro),
            ("mean_average_precision_micro", score.micro, np.zeros_like(macro)),
        )
    ):
        own = query_influence(values[answered], labels, np.ones(len(labels)))
        by_case = found.moves[row].copy()
        by_case[answered] += own
        by_subject = sum_of_each(cohort.owners, by_case, cohort.n_subjects)
        spreads[measure] = Spread(value, by_subject, n_asked=n_asked)
    return spreads


def half_samples(found: Rankings, *, random_state: int) -> dict[str, Floats]:
    """The figures that jump, over random halves of the subjects.

    A half sees of each query the nearest `DEPTH` cases only; where none of them is of the query's
    condition, the reciprocal rank counts as 0.
    """
    cohort = found.cohort
    queries = np.flatnonzero(found.answered)
    nearest = found.nearest[queries]
    known = nearest >= 0
    relevant = known & (cohort.labels[nearest] == cohort.labels[queries, None])
    owners, labels = cohort.owners[nearest], cohort.labels[queries]
    sizes = found.n_relevant[queries]

    def figures(drawn: NDArray[np.bool_]) -> dict[str, float]:
        present = drawn[owners] & known
        asks = drawn[cohort.owners[queries]] & present.any(axis=1)
        if not asks.any():
            return dict.fromkeys(_JUMPING, float("nan"))
        place = np.cumsum(present[asks], axis=1)
        hit = relevant[asks] & present[asks]
        own = labels[asks]
        first = np.where(hit, place, np.iinfo(np.intp).max).min(axis=1)
        right = np.asarray(first == 1, dtype=np.float64)
        values = {
            "precision_at_1": _macro(right, own),
            "precision_at_1_micro": float(right.mean()),
            "mean_reciprocal_rank": _macro(np.where(hit.any(axis=1), 1 / first, 0.0), own),
        }
        n = place[:, -1]
        for k in PLACES:
            # Half of the cases are present, so half of the places reach as far as all do.
            half = (k + 1) // 2
            among = (hit & (place <= half)).sum(axis=1)
            values[f"precision_at_{k}"] = _macro(among / np.minimum(half, n), own)
            few = np.clip(sizes[asks] // 2, 1, half)[:, None]
            found_few = (hit & (place <= few)).sum(axis=1)
            values[f"precision_at_min_{k}"] = _macro(found_few / few[:, 0], own)
        return values

    return over_halves(figures, cohort.n_subjects, random_state=random_state)


def _macro(values: Floats, labels: Codes) -> float:
    n = np.bincount(labels)
    return float((np.bincount(labels, weights=values)[n > 0] / n[n > 0]).mean())
