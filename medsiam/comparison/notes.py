"""What a reader of the answer must know besides the answer."""

from __future__ import annotations

from collections.abc import Sequence

from medsiam.bank.case import Case
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank
from medsiam.comparison.yardstick import Yardstick

_POOLED = (
    "No condition of this bank has two cases, so the mahalanobis distance uses the spread over "
    "all cases in place of that within conditions."
)
_FEW_PATIENTS = 3


def patient_notes(
    cases: Sequence[Case], *, patient: str | None, n_left_out: int, known_as: Sequence[Case]
) -> tuple[str, ...]:
    """About the query's own patient and about cases without a patient.

    Args:
        cases: of the bank.
        patient: of the query, hashed; None where unknown.
        n_left_out: cases of the query's own patient.
        known_as: cases that hold a scan of the query, value by value.
    """
    notes = []
    if known_as:
        names = ", ".join(case.case_id for case in known_as)
        notes.append(f"This very scan is in the bank already (case {names}).")
    if n_left_out:
        notes.append(f"Left out of the ranking: {_cases(n_left_out)} of the query's own patient.")
    if patient is None and not any(case.patient for case in known_as):
        notes.append(
            "The query's patient is unknown, so a match of the same patient cannot be left out."
        )
    unnamed = sum(case.patient is None for case in cases)
    if unnamed:
        notes.append(
            f"{_cases(unnamed)} of this bank without a patient: each counts as one of its own."
        )
    return tuple(notes)


def ranking_notes(ranking: Ranking, measured: Yardstick, *, k: int) -> tuple[str, ...]:
    """About what the ranking rests on.

    Args:
        ranking: of cases and conditions.
        measured: the bank.
        k: as asked.
    """
    notes = []
    listed = len(ranking.matches)
    if listed < k:
        notes.append(f"k = {k}, but only {_cases(listed)} can be compared: all are listed.")
    best = ranking.conditions[0]
    if best.n_patients < _FEW_PATIENTS:
        patients = "1 patient" if best.n_patients == 1 else f"{best.n_patients} patients"
        notes.append(f"{best.condition} rests on {patients} in this bank: weak evidence.")
    proof = {case.case_id: case.proof for case in measured.records}[best.nearest_case_id]
    if proof == "none":
        notes.append(
            f"Case {best.nearest_case_id}, the nearest of {best.condition}, carries no proof of "
            "its diagnosis."
        )
    if disagreement := _disagreement(ranking.conditions):
        notes.append(disagreement)
    if measured.pooled:
        notes.append(_POOLED)
    return tuple(notes)


def _disagreement(conditions: Sequence[ConditionRank]) -> str | None:
    nearest = min(conditions, key=lambda entry: entry.distance).condition
    vote = min(conditions, key=lambda entry: (-entry.votes, entry.distance)).condition
    prototype = min(conditions, key=lambda entry: entry.prototype_distance).condition
    if nearest == vote == prototype:
        return None
    return (
        f"The three rules do not agree: the nearest patient has {nearest}, the vote says {vote}, "
        f"the nearest prototype is {prototype}."
    )


def _cases(n: int) -> str:
    return "1 case" if n == 1 else f"{n} cases"
