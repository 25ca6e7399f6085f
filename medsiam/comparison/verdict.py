"""The answer in one honest sentence."""

from __future__ import annotations

from medsiam.comparison.calibration import MetricCalibration
from medsiam.comparison.digits import in_digits, probability_words
from medsiam.comparison.novelty import MIN_PATIENTS, PERCENTILE
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank, Outcome, Rule, Verdict

_ONE_CONDITION = " A bank with one condition can only say near or far."
_FAR_OFF = (
    " It lies farther from its nearest three patients than 99 of 100 cases of this bank: it may "
    "show another organ or modality, or be no proper scan."
)
_LEADS: dict[Rule, str] = {
    "nearest": "Nearest condition",
    "vote": "Most frequent condition among the nearest patients",
    "prototype": "Condition with the nearest prototype",
    "combined": "Nearest condition",
}


def give_verdict(
    ranking: Ranking,
    *,
    scope_fault: str | None,
    rule: Rule,
    calibrated: MetricCalibration | None = None,
) -> Verdict:
    """Say what the ranking amounts to: out of scope, undecided, none of these, or a condition.

    Args:
        ranking: of cases and conditions, and the bank's own limit.
        scope_fault: one sentence where the query is no scan of the bank's kind.
        rule: how the conditions were ranked.
        calibrated: of the bank; None where it has no calibration.
    """
    rejection = None if calibrated is None else calibrated.rejection
    limit, best = ranking.limit, ranking.conditions[0]
    value = ranking.matches[0].distance
    if rejection is not None:
        value = min(entry.judged_distance for entry in ranking.conditions)
    far_limit = None if calibrated is None else calibrated.far_limit
    far_off = None if far_limit is None else ranking.far > far_limit
    lonely = _ONE_CONDITION if len(ranking.conditions) == 1 else ""

    def say(outcome: Outcome, text: str, condition: str | None = None) -> Verdict:
        return Verdict(
            outcome,
            condition,
            text + ("" if outcome == "out of scope" else lonely),
            limit.value,
            limit.source,
            value=value,
            measure="nearest distance" if rejection is None else "combined distance",
            known_rejected=None if rejection is None else rejection.known_rejected.value,
            unknown_accepted=None if rejection is None else rejection.unknown_accepted.value,
            far_off=far_off,
        )

    if scope_fault is not None:
        return say(
            "out of scope",
            f"Out of scope: {scope_fault} The distances below mean nothing for such a scan.",
        )
    if limit.value is None:
        missing = MIN_PATIENTS - sum(entry.n_patients for entry in ranking.conditions)
        why = limit.source
        if missing > 0:
            needed = f"{_patients(missing, 'more ')} {'is' if missing == 1 else 'are'} needed"
            why = f"{why.split(';')[0]}; {needed}"
        return say(
            "undecided",
            f"Undecided: {_lead(rule, lower=True)} is {best.condition} "
            f"({_evidence(ranking)}), but there are {why}.",
        )
    if value > limit.value:
        return say(
            "none of these",
            _none_of_these(ranking, value, limit.value, rejection is None)
            + (_FAR_OFF if far_off else ""),
        )
    return say(
        "nearest",
        f"{_lead(rule)}: {best.condition} ({_evidence(ranking, limit.value)}).",
        best.condition,
    )


def _none_of_these(ranking: Ranking, value: float, limit: float, uncalibrated: bool) -> str:
    distance, threshold = in_digits(value, limit)
    if uncalibrated:
        return (
            f"None of these: the nearest case lies at {distance}, farther than {PERCENTILE} of "
            f"100 cases of this bank lie from their nearest neighbour ({threshold})."
        )
    nearest = min(ranking.conditions, key=lambda entry: entry.judged_distance)
    return (
        f"None of these: even {nearest.condition}, the nearest condition, lies at a combined "
        f"distance of {distance}, beyond the bank's limit {threshold}, within which 95 of 100 of "
        "its own patients lie."
    )


def _lead(rule: Rule, *, lower: bool = False) -> str:
    lead = _LEADS[rule]
    return f"the {lead[0].lower()}{lead[1:]}" if lower else lead


def _evidence(ranking: Ranking, limit: float | None = None) -> str:
    best, n_voters = ranking.conditions[0], ranking.n_voters
    parts = []
    if best.probability is not None and len(ranking.conditions) > 1:
        parts.append(f"probability {_probability(best.probability)} among the bank's conditions")
    votes = round(best.votes * n_voters)
    parts.append(f"{votes} of {n_voters} nearest {'patient' if n_voters == 1 else 'patients'}")
    if best.probability is not None:
        parts.append(f"{_patients(best.n_patients)} of {best.condition} in the bank")
    parts.append(_nearest_case(ranking, best, limit))
    return "; ".join(parts)


def _nearest_case(ranking: Ranking, best: ConditionRank, limit: float | None) -> str:
    case = f"nearest case {best.nearest_case_id} at "
    pairs = ""
    if ranking.farther is not None and best.nearest_case_id == ranking.matches[0].case_id:
        pairs = (
            f"nearer than {ranking.farther} of 100 cases of this bank lie to one of another "
            "condition"
        )
    if limit is None or best.combined_distance is not None:
        said = case + in_digits(best.distance)[0]
        said += f", {pairs}" if pairs else ""
        if limit is None or best.combined_distance is None:
            return said
        combined, threshold = in_digits(best.combined_distance, limit)
        side = "within" if best.combined_distance <= limit else "but beyond"
        return f"{said}; combined distance {combined}, {side} the bank's limit {threshold}"
    distance, threshold = in_digits(best.distance, limit)
    if best.distance > limit:
        return f"{case}{distance}, but farther than the bank's own limit {threshold}"
    more = f", and {pairs}" if pairs else ""
    return f"{case}{distance}, nearer than the bank's own limit {threshold}{more}"


def _probability(value: float) -> str:
    return probability_words(value).replace(">", "above ").replace("<", "below ")


def _patients(n: int, which: str = "") -> str:
    return f"1 {which}patient" if n == 1 else f"{n} {which}patients"
