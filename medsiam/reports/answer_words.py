"""A comparison in words and digits, the same ones on every kind of page."""

from __future__ import annotations

from dataclasses import dataclass

from medsiam.comparison.digits import decimals_for, probability_words
from medsiam.comparison.result import Comparison

Facts = tuple[tuple[str, str], ...]

KINDS = {
    "nearest": "Nearest condition",
    "none of these": "No sufficiently similar case in this bank",
    "out of scope": "Not the kind of scan this bank holds",
    "undecided": "Too little to decide",
}
BAR = {
    "nearest distance": "distance to its nearest patient",
    "combined distance": "distance to its nearest patients and their mean, combined",
}
BY_RULE = {
    "combined": "combined distance",
    "nearest": "nearest patient",
    "vote": "vote of the nearest patients",
    "prototype": "nearest prototype",
}
_MEANS = (
    "Probabilities hold if the query's condition is one of these and conditions are as frequent as "
    "in this bank. They are no diagnosis."
)


@dataclass(frozen=True)
class ConditionLine:
    """One ranked condition, ready to be shown.

    Attributes:
        rank, condition, distance, probability, nearest_case_id, votes, prototype, n_patients: as
            text.
        share: of the longest bar, 0 to 1.
        within: the distance is within the bank's limit.
    """

    rank: str
    condition: str
    distance: str
    probability: str
    nearest_case_id: str
    votes: str
    prototype: str
    n_patients: str
    share: float
    within: bool


@dataclass(frozen=True)
class ConditionTable:
    """The ranked conditions.

    Attributes:
        lines: in rank order.
        limit: the bank's, as a share of the longest bar; None where there is none.
        legend: sentences below the table.
    """

    lines: tuple[ConditionLine, ...]
    limit: float | None
    legend: tuple[str, ...]


def headline(comparison: Comparison) -> str:
    """The answer in one or a few words."""
    verdict = comparison.verdict
    return verdict.condition or verdict.outcome.capitalize()


def all_notes(comparison: Comparison) -> tuple[str, ...]:
    """Every sentence that belongs to the answer."""
    pool = () if comparison.normal_pool is None else (comparison.normal_pool.text,)
    return (*comparison.query.warnings, *pool, *comparison.notes)


def condition_table(comparison: Comparison) -> ConditionTable:
    """The ranked conditions with their distances, all in the same number of decimals."""
    limit = comparison.verdict.threshold
    distances = [entry.judged_distance for entry in comparison.conditions]
    prototypes = decimals_for([entry.prototype_distance for entry in comparison.conditions])
    longest = 1.05 * max([*distances, limit or 0.0]) or 1.0
    digits = decimals_for(distances if limit is None else [*distances, limit])
    lines = tuple(
        ConditionLine(
            rank=str(entry.rank),
            condition=entry.condition,
            distance=f"{entry.judged_distance:.{digits}f}",
            probability=probability_words(entry.probability),
            nearest_case_id=entry.nearest_case_id,
            votes=f"{entry.votes:.0%}",
            prototype=f"{entry.prototype_distance:.{prototypes}f}",
            n_patients=str(entry.n_patients),
            share=entry.judged_distance / longest,
            within=limit is not None and entry.judged_distance <= limit,
        )
        for entry in comparison.conditions
    )
    reason = comparison.probability_reason
    means = f"No probability is shown: {reason}." if reason else _MEANS
    if limit is None:
        return ConditionTable(lines, None, (means,))
    mark = (
        f"The bank's limit, {limit:.{digits}f}: {comparison.verdict.threshold_source}. Beyond it "
        "the answer is none of these."
    )
    return ConditionTable(lines, limit / longest, (mark, means))


def query_facts(comparison: Comparison) -> Facts:
    """What is known of the query."""
    query = comparison.query
    size = " x ".join(str(n) for n in query.spatial_shape)
    spacing = " x ".join(f"{mm:.3g}" for mm in query.spacing or ())
    return (
        ("query", query.name or "scan in memory"),
        ("modality", query.modality or "not stated"),
        ("body part", query.body_part or "not stated"),
        ("size", f"{size} voxels" if len(query.spatial_shape) == 3 else f"{size} pixels"),
        ("spacing", f"{spacing} mm" if spacing else "not known"),
        ("orientation", query.orientation or "not known"),
        ("patient (hash)", query.patient or "not known"),
        ("compared on", comparison.created.replace("T", " ").replace("+00:00", " UTC")),
    )


def settings_facts(comparison: Comparison) -> Facts:
    """All that is needed to compute the answer again."""
    return (
        ("metric", comparison.metric),
        ("conditions ranked by", BY_RULE[comparison.rule]),
        ("k", str(comparison.k)),
        ("bank", f"{comparison.bank_name}, version {comparison.bank_version}"),
        ("cases in the bank", str(comparison.n_cases)),
        ("left out (the query's own patient)", str(comparison.n_same_patient)),
        ("limit", comparison.verdict.threshold_source),
        ("calibration", _calibration(comparison)),
        ("encoder", comparison.encoder_name),
        ("encoder fingerprint", comparison.encoder_fingerprint),
        ("run by", comparison.runtime),
        ("query fingerprint", " ".join(comparison.query.content_hashes)),
        ("series", comparison.query.series_uid or "not stated"),
        ("medsiam", comparison.medsiam_version),
    )


def _calibration(comparison: Comparison) -> str:
    used = comparison.calibration
    if used is None:
        return "none"
    return (
        f"number {used.number}, of version {used.bank_version} of the bank, "
        f"{used.n_patients} patients asked"
    )
