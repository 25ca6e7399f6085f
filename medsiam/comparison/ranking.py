"""Rank the patients and the conditions of a bank for one embedding."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medsiam.comparison.calibration import MetricCalibration
from medsiam.comparison.combined import Combined
from medsiam.comparison.conditions import (
    Prototypes,
    own_distances,
    prototype_spread,
    rank_conditions,
    without_patients,
)
from medsiam.comparison.conformal import ConditionSet, conditions_within, fewest_patients
from medsiam.comparison.evidence import Evidence, Standing, jackknife
from medsiam.comparison.leave_patient_out import nearest_patients, nearest_three, patient_minima
from medsiam.comparison.matching import CaseArrays, nearest_of_each_patient, rank_by_distance
from medsiam.comparison.novelty import Limit, limit_without
from medsiam.comparison.result import ConditionRank, Match, Rule
from medsiam.comparison.yardstick import Yardstick

Floats = NDArray[np.float64]

_LEARNED_THERE = (
    "no mahalanobis distances to set a limit by, for the bank's own cases taught the spread and "
    "lie nearer to each other than a query can; calibrate the bank, or use cosine"
)


@dataclass(frozen=True)
class Ranking:
    """What the distances say, before anybody draws a conclusion.

    Attributes:
        matches: the k nearest patients, each by his nearest case.
        conditions: all conditions, ranked.
        n_voters: patients that voted: k, or all where there are fewer.
        limit: beyond which nothing in the bank is like the query.
        farther: of 100 cases of the bank, how many lie farther from the nearest case of another
            condition than the query from its nearest case; None where there are too few.
        condition_set: conditions that cannot be ruled out.
        evidence: for the leading condition.
        far: mean distance to the nearest three patients.
    """

    matches: tuple[Match, ...]
    conditions: tuple[ConditionRank, ...]
    n_voters: int
    limit: Limit
    farther: int | None
    condition_set: ConditionSet
    evidence: Evidence
    far: float


def rank(
    query: Floats,
    distances: Floats,
    measured: Yardstick,
    keep: NDArray[np.bool_],
    calibrated: MetricCalibration | None,
    *,
    k: int,
    rule: Rule,
    level: float,
) -> Ranking:
    """Rank everything that may count.

    Args:
        query: (d,) the query's point in the bank's space.
        distances: (n_cases,) from it to every case.
        measured: the bank.
        keep: (n_cases,) false for cases that are left out; true at least once.
        calibrated: what was measured with this metric; None where nothing was.
        k: matches to list, and patients that vote.
        rule: what ranks the conditions.
        level: of the set of conditions.
    """
    cases, distances = measured.cases.only(keep), distances[keep]
    means, spread = _means_and_spread(measured, keep)
    to_prototype = measured.space.distances(query[None], measured.space.points(means.centres))[0]
    by_patient = patient_minima(distances[None], means)
    nearest = nearest_patients(by_patient, means)
    learned = calibrated.probabilities if calibrated is not None else None
    combined = None if learned is None else learned.combined
    shares = _combine(combined, nearest, to_prototype, means)
    conditions = rank_conditions(
        distances,
        cases,
        prototype_distances=dict(zip(means.conditions, to_prototype.tolist(), strict=True)),
        temperature=spread,
        k=k,
        rule=rule,
        combined=shares,
    )
    matches = _matches(distances, cases, measured, keep, k, shares)
    standing = Standing(
        means, by_patient[0], _nearest_cases(distances, cases, means), to_prototype, k
    )
    return Ranking(
        matches=matches,
        conditions=conditions,
        n_voters=min(k, cases.n_patients),
        limit=_limit(measured, keep, calibrated),
        farther=(
            None if measured.strangers is None else measured.strangers.farther(matches[0].distance)
        ),
        condition_set=_condition_set(calibrated, means, shares, level),
        evidence=jackknife(
            standing,
            conditions[0].condition,
            query,
            measured.space,
            rule=rule,
            combined=combined,
        ),
        far=float(nearest_three(nearest)[0]),
    )


def without_probabilities(ranking: Ranking) -> Ranking:
    """The same, where no condition of the bank is likely: a probability among them says nothing."""
    return replace(
        ranking,
        matches=tuple(replace(match, probability=None) for match in ranking.matches),
        conditions=tuple(replace(entry, probability=None) for entry in ranking.conditions),
        evidence=replace(ranking.evidence, probability_range=None),
    )


def _means_and_spread(measured: Yardstick, keep: NDArray[np.bool_]) -> tuple[Prototypes, float]:
    """Prototypes of the kept cases, and how far their patients lie from their own."""
    means, distances = measured.means, measured.own_distances
    if keep.all():
        return means, prototype_spread(distances)
    fewer = without_patients(means, keep)
    gone = np.ones(len(means.condition_of), dtype=bool)
    gone[means.group_of_case[keep]] = False
    moved = np.isin(means.condition_of, means.condition_of[gone])
    again = own_distances(fewer, measured.space, moved[~gone])
    return fewer, prototype_spread(np.where(moved[~gone], again, distances[~gone]))


def _combine(
    combined: Combined | None, nearest: Floats, to_prototype: Floats, means: Prototypes
) -> dict[str, tuple[float, float]] | None:
    """Combined distance and probability of each condition."""
    if combined is None:
        return None
    distances = combined.distances(nearest, to_prototype[None])
    probabilities = combined.probabilities(distances)[0]
    pairs = zip(distances[0].tolist(), probabilities.tolist(), strict=True)
    return dict(zip(means.conditions, pairs, strict=True))


def _matches(
    distances: Floats,
    cases: CaseArrays,
    measured: Yardstick,
    keep: NDArray[np.bool_],
    k: int,
    shares: dict[str, tuple[float, float]] | None,
) -> tuple[Match, ...]:
    records = [measured.records[place] for place in np.flatnonzero(keep)]
    order = rank_by_distance(distances, cases.case_ids)
    counts = np.bincount(cases.patients)
    return tuple(
        Match(
            rank=number,
            case_id=records[place].case_id,
            condition=records[place].condition,
            patient=records[place].patient,
            distance=float(distances[place]),
            probability=None if shares is None else shares[records[place].condition][1],
            n_further_cases=int(counts[cases.patients[place]]) - 1,
        )
        for number, place in enumerate(nearest_of_each_patient(order, cases.patients)[:k], start=1)
    )


def _nearest_cases(distances: Floats, cases: CaseArrays, means: Prototypes) -> NDArray[np.str_]:
    """(g,) case_id of the nearest case of each patient of each condition."""
    order = rank_by_distance(distances, cases.case_ids)
    first = np.unique(means.group_of_case[order], return_index=True)[1]
    return np.asarray(cases.case_ids[order[first]])


def _limit(
    measured: Yardstick, keep: NDArray[np.bool_], calibrated: MetricCalibration | None
) -> Limit:
    rejection = calibrated.rejection if calibrated is not None else None
    if rejection is not None:
        known, unknown = rejection.known_rejected, rejection.unknown_accepted
        return Limit(
            rejection.threshold,
            f"measured by leaving each condition of this bank out: it turns away "
            f"{known.value:.0%} of patients whose condition the bank holds (95 % interval "
            f"{known.low:.0%} to {known.high:.0%}, {known.n_patients} patients) and lets "
            f"{unknown.value:.0%} of the others pass ({unknown.low:.0%} to {unknown.high:.0%}, "
            f"{unknown.n_patients} patients)",
        )
    limit = limit_without(
        measured.others, measured.cases, measured.points, measured.space, keep=keep
    )
    learned_there = measured.space.metric == "mahalanobis" and limit.value is not None
    return Limit(None, _LEARNED_THERE) if learned_there else limit


def _condition_set(
    calibrated: MetricCalibration | None,
    means: Prototypes,
    shares: dict[str, tuple[float, float]] | None,
    level: float,
) -> ConditionSet:
    if calibrated is None:
        return ConditionSet(level, None, 0, "this bank has no calibration for this metric")
    if calibrated.probabilities is None or shares is None:
        reason = calibrated.probability_reason
        return ConditionSet(level, None, calibrated.n_patients, reason)
    limit = next(e.limit for e in calibrated.probabilities.limits if e.level == level)
    if limit is None:
        needed = fewest_patients(level)
        return ConditionSet(
            level,
            None,
            calibrated.n_patients,
            f"a set that holds the true condition in {level:.0%} needs {needed} calibration "
            f"patients, and this bank has {calibrated.n_patients}",
        )
    probabilities = np.array([shares[name][1] for name in means.conditions])
    held = conditions_within(means.conditions, probabilities, limit)
    return ConditionSet(level, held, calibrated.n_patients)
