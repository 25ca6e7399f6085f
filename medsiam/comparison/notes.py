"""What a reader of the answer must know besides the answer."""

from __future__ import annotations

from collections.abc import Sequence

from medsiam.comparison.conformal import ConditionSet, fewest_patients
from medsiam.comparison.digits import in_digits
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank, Verdict
from medsiam.comparison.who_counts import WhoCounts
from medsiam.comparison.yardstick import Yardstick

_POOLED = (
    "No condition of this bank has two cases, so the mahalanobis distance uses the spread over "
    "all cases in place of that within conditions."
)
_FEW_PATIENTS = 3


def set_notes(held: ConditionSet, conditions: Sequence[ConditionRank] = ()) -> tuple[str, ...]:
    """What cannot be ruled out.

    Args:
        held: the set.
        conditions: of the bank.
    """
    if held.conditions is None:
        return ()
    names = ", ".join(held.conditions)
    few = [
        f"{entry.condition} ({entry.n_patients})"
        for entry in conditions
        if entry.n_patients < fewest_patients(held.level)
    ]
    less = f" Of conditions with few patients, {', '.join(few)}, they may miss more." if few else ""
    return (
        f"Not ruled out: {names}. Such sets hold the true condition of {held.level:.0%} of queries "
        f"that come like this bank's patients (from {held.n_patients} calibration patients).{less}",
    )


def limit_notes(verdict: Verdict) -> tuple[str, ...]:
    """How often a condition that the bank does not hold passes for one that it does."""
    if verdict.outcome != "nearest" or verdict.unknown_accepted is None:
        return ()
    return (
        "Within the limit is no proof that the bank holds the query's condition: of patients whose "
        f"condition was left out of the bank, {100 * verdict.unknown_accepted:.0f} of 100 lay "
        "within it too.",
    )


def patient_notes(who: WhoCounts, measured: Yardstick, *, patient: str | None) -> tuple[str, ...]:
    """About the query's own patient and about cases without a patient.

    Args:
        who: counts, and who does not.
        measured: the bank.
        patient: of the query, hashed; None where unknown.
    """
    notes = _suspicion_notes(who, measured)
    known_as, cases = who.known_as, measured.records
    if known_as:
        names = ", ".join(case.case_id for case in known_as)
        notes.append(f"This very scan is in the bank already (case {names}).")
    if n_left_out := int(who.own.sum()):
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


def _suspicion_notes(who: WhoCounts, measured: Yardstick) -> list[str]:
    """Cases that may be of the query's patient, or show its picture."""
    named = {
        "This looks like the same picture as that of case {}, saved again": who.copies,
        "This may be the same patient as case {}, or the same scan saved again: it lies nearer "
        "than different patients of this bank lie to each other": who.near,
    }
    notes = [
        said.format(", ".join(measured.cases.case_ids[which]))
        for said, which in named.items()
        if which.any()
    ]
    if not notes:
        return []
    then = (
        "As the bank holds nothing else to compare with, it counts all the same: do not rely on "
        "this answer."
        if who.only_suspects
        else "Nothing of that patient counts in verdict and ranking; where it is another patient "
        "after all, the answer lacks its best match."
    )
    return [f"{'. '.join(notes)}. {then}"]


def ranking_notes(
    ranking: Ranking, measured: Yardstick, *, k: int, foreign: bool = False
) -> tuple[str, ...]:
    """About what the ranking rests on.

    Args:
        ranking: of cases and conditions.
        measured: the bank.
        k: as asked.
        foreign: whether the query is like none of them, so that it matters little which one leads.
    """
    notes = []
    listed = len(ranking.matches)
    if listed < k:
        patients = "1 patient" if listed == 1 else f"{listed} patients"
        notes.append(f"k = {k}, but only {patients} can be compared: all are listed.")
    best = ranking.conditions[0]
    if best.n_patients < _FEW_PATIENTS and not foreign:
        patients = "1 patient" if best.n_patients == 1 else f"{best.n_patients} patients"
        notes.append(f"{best.condition} rests on {patients} in this bank: weak evidence.")
    notes += _evidence_notes(ranking, foreign=foreign)
    proof = {case.case_id: case.proof for case in measured.records}[best.nearest_case_id]
    if proof == "none" and not foreign:
        notes.append(
            f"Case {best.nearest_case_id}, the nearest of {best.condition}, carries no proof of "
            "its diagnosis."
        )
    if not foreign and (disagreement := _disagreement(ranking.conditions)):
        notes.append(disagreement)
    if measured.space.pooled:
        notes.append(_POOLED)
    return tuple(notes)


def _evidence_notes(ranking: Ranking, *, foreign: bool) -> list[str]:
    """What the leading condition hangs on, what speaks against it, and what cannot be ruled out."""
    evidence, notes = ranking.evidence, []
    leading = evidence.condition
    if len(ranking.conditions) > 1 and evidence.hangs_on_one_case and not foreign:
        names = ", ".join(evidence.deciding_case_ids)
        notes.append(
            f"That {leading} leads hangs on one case ({names}): without it, another condition "
            "leads."
            if evidence.n_deciding == 1
            else f"That {leading} leads hangs on single cases: without any one of {names}, another "
            "condition leads."
        )
    if (against := evidence.counter_example) is not None:
        distance, own = in_digits(against.distance, ranking.conditions[0].distance)
        notes.append(
            f"Nearest counter-example: case {against.case_id} ({against.condition}) at {distance}; "
            f"the nearest case of {leading} lies at {own}."
        )
    return notes


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
