"""Rank the cases and the conditions of a bank for one embedding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.conditions import prototype_spread, prototypes, rank_conditions
from medsiam.comparison.matching import rank_by_distance
from medsiam.comparison.novelty import Limit, limit_without
from medsiam.comparison.result import ConditionRank, Match
from medsiam.comparison.settings import Settings
from medsiam.comparison.yardstick import Yardstick
from medsiam.distances import pairwise_distances


@dataclass(frozen=True)
class Ranking:
    """What the distances say, before anybody draws a conclusion.

    Attributes:
        matches: the k nearest cases.
        conditions: all conditions, ranked.
        n_voters: patients that voted: k, or all where there are fewer.
        limit: beyond which nothing in the bank is like the query.
    """

    matches: tuple[Match, ...]
    conditions: tuple[ConditionRank, ...]
    n_voters: int
    limit: Limit


def rank(
    vector: NDArray[np.floating],
    measured: Yardstick,
    keep: NDArray[np.bool_],
    settings: Settings,
) -> Ranking:
    """Rank everything that may count.

    Args:
        vector: (d,) embedding of the query.
        measured: the bank.
        keep: (n_cases,) false for cases of the query's own patient; true at least once.
        settings: k, metric and rule.
    """
    cases = measured.cases.only(keep)
    patients = [case.patient for case, kept in zip(measured.records, keep, strict=True) if kept]
    metric, precision = settings.metric, measured.precision
    query = vector[np.newaxis]
    distances = pairwise_distances(query, cases.embeddings, metric=metric, precision=precision)[0]
    order = rank_by_distance(distances, cases.case_ids)[: settings.k]
    matches = tuple(
        Match(
            rank=number,
            case_id=str(cases.case_ids[position]),
            condition=str(cases.conditions[position]),
            patient=patients[position],
            distance=float(distances[position]),
        )
        for number, position in enumerate(order, start=1)
    )
    means = prototypes(cases)
    to_centres = pairwise_distances(query, means.centres, metric=metric, precision=precision)[0]
    conditions = rank_conditions(
        distances,
        cases,
        prototype_distances=dict(zip(means.conditions, to_centres.tolist(), strict=True)),
        temperature=prototype_spread(means, metric=metric, precision=precision),
        k=settings.k,
        rule=settings.rule,
    )
    limit = limit_without(
        measured.others, measured.cases, keep=keep, metric=metric, precision=precision
    )
    return Ranking(matches, conditions, min(settings.k, cases.n_patients), limit)
