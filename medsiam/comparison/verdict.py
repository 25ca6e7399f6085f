"""The answer in one honest sentence."""

from __future__ import annotations

from medsiam.comparison.digits import in_digits
from medsiam.comparison.novelty import PERCENTILE
from medsiam.comparison.ranking import Ranking
from medsiam.comparison.result import ConditionRank, Rule, Verdict

_ONE_CONDITION = " A bank with one condition can only say near or far."
_LEADS: dict[Rule, str] = {
    "nearest": "Nearest condition",
    "vote": "Most frequent condition among the nearest patients",
    "prototype": "Condition with the nearest prototype",
}


def give_verdict(ranking: Ranking, *, scope_fault: str | None, rule: Rule) -> Verdict:
    """Say what the ranking amounts to: out of scope, undecided, none of these, or a condition.

    Args:
        ranking: of cases and conditions, and the bank's own limit.
        scope_fault: one sentence where the query is no scan of the bank's kind.
        rule: how the conditions were ranked.
    """
    limit, n_voters = ranking.limit, ranking.n_voters
    nearest_distance = ranking.matches[0].distance
    best = ranking.conditions[0]
    lonely = _ONE_CONDITION if len(ranking.conditions) == 1 else ""
    if scope_fault is not None:
        text = f"Out of scope: {scope_fault} The distances below mean nothing for such a scan."
        return Verdict("out of scope", None, text, limit.value, limit.source)
    if limit.value is None:
        text = (
            f"Undecided: {_lead(rule, lower=True)} is {best.condition} "
            f"({_evidence(best, n_voters)}), but there are {limit.source.split(';')[0]}."
        )
        return Verdict("undecided", None, text + lonely, None, limit.source)
    if nearest_distance > limit.value:
        distance, threshold = in_digits(nearest_distance, limit.value)
        text = (
            f"None of these: the nearest case lies at {distance}, farther than {PERCENTILE} of "
            f"100 cases of this bank lie from their nearest neighbour ({threshold})."
        )
        return Verdict("none of these", None, text + lonely, limit.value, limit.source)
    text = f"{_lead(rule)}: {best.condition} ({_evidence(best, n_voters, limit.value)})."
    return Verdict("nearest", best.condition, text + lonely, limit.value, limit.source)


def _lead(rule: Rule, *, lower: bool = False) -> str:
    lead = _LEADS[rule]
    return f"the {lead[0].lower()}{lead[1:]}" if lower else lead


def _evidence(best: ConditionRank, n_voters: int, threshold: float | None = None) -> str:
    votes = round(best.votes * n_voters)
    patients = "patient" if n_voters == 1 else "patients"
    support = f"{votes} of {n_voters} nearest {patients}; nearest case {best.nearest_case_id} at "
    if threshold is None:
        return support + in_digits(best.distance)[0]
    distance, limit = in_digits(best.distance, threshold)
    side = "nearer" if best.distance <= threshold else "but farther"
    return f"{support}{distance}, {side} than the bank's own limit {limit}"
