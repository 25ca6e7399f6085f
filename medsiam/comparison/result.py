"""The whole answer for one query, checked when it is built and frozen after."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from medsiam.comparison.conformal import ConditionSet
    from medsiam.comparison.evidence import Evidence
    from medsiam.comparison.normal_pool import PoolDistance

RESEARCH_USE = "Research use only. Not a medical device. Not for diagnosis."
NOT_CALIBRATED = (
    "this bank has no calibration, so a distance cannot be turned into a probability; "
    "`medsiam bank calibrate` makes one"
)

Rule = Literal["nearest", "vote", "prototype", "combined"]
Outcome = Literal["nearest", "none of these", "out of scope", "undecided"]


@dataclass(frozen=True)
class QueryFacts:
    """What was asked.

    Attributes:
        sources: the files of the query, as paths for programs; a folder may be named after the
            patient, so what people pass on shows `name` instead.
        content_hashes: of each scan, see `Scan.content_hash`.
        patient: hashed with the bank's salt; None where unknown.
        name: last part of the path with the patient's identifier hidden.
    """

    sources: tuple[str, ...]
    content_hashes: tuple[str, ...]
    patient: str | None
    modality: str | None
    body_part: str | None
    spatial_shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    orientation: str | None
    series_uid: str | None
    study_uid: str | None
    warnings: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True)
class Match:
    """One patient of the bank by his nearest case, with rank (from 1) and distance.

    Attributes:
        rank: from 1.
        case_id: the patient's nearest case.
        condition: of that case.
        patient: hashed; None for a case without one, which counts as a patient of its own.
        distance: lower = closer.
        probability: that query and case share a condition, if the query's is among the bank's;
            None where it was never calibrated.
        n_further_cases: of the same patient, none of them nearer.
    """

    rank: int
    case_id: str
    condition: str
    patient: str | None
    distance: float
    probability: float | None = None
    n_further_cases: int = 0


@dataclass(frozen=True)
class ConditionRank:
    """One condition with its evidence.

    Attributes:
        rank: from 1.
        condition: the diagnosis.
        distance: to the nearest patient of the condition.
        n_patients: patients of this condition that the query was compared with (a case without
            a patient counts as one).
        nearest_case_id: the case under the distance.
        votes: share of the k nearest patients that have this condition.
        prototype_distance: to the mean embedding of the condition's patients.
        prototype_share: softmax over negative prototype distances; a share, not a probability.
        probability: of this condition, if the query's is among the bank's and conditions are as
            frequent as in the bank; None where it was never calibrated.
        combined_distance: weighted mean of the distances to the nearest three patients and to the
            prototype; None where it was never calibrated.
    """

    rank: int
    condition: str
    distance: float
    n_patients: int
    nearest_case_id: str
    votes: float
    prototype_distance: float
    prototype_share: float
    probability: float | None = None
    combined_distance: float | None = None

    @property
    def judged_distance(self) -> float:
        """The distance that the bank's limit is about: combined where there is one."""
        return self.distance if self.combined_distance is None else self.combined_distance


@dataclass(frozen=True)
class Verdict:
    """The answer in one word, in one sentence, and why.

    Attributes:
        outcome: "nearest", "none of these" (too far from everything in the bank),
            "out of scope" (not the kind of scan the bank holds) or "undecided" (the bank is too
            small to say whether the query belongs to it).
        condition: the nearest condition where `outcome` is "nearest", else None.
        text: one sentence for a person.
        threshold: the distance beyond which the answer is "none of these"; None where unknown.
        threshold_source: where the threshold comes from, or why there is none.
        value: the distance that is held against the threshold.
        measure: which one that is: of the nearest case, or the nearest combined one.
        known_rejected: share of the bank's own patients whom this threshold turns away; None
            where it was not measured.
        unknown_accepted: share of patients of a condition left out of the bank whom it lets
            pass; None where it was not measured.
        far_off: whether the query lies farther from its nearest three patients than 99 of 100
            cases of the bank do; None where that is not known.
    """

    outcome: Outcome
    condition: str | None
    text: str
    threshold: float | None
    threshold_source: str
    value: float | None = None
    measure: Literal["nearest distance", "combined distance"] = "nearest distance"
    known_rejected: float | None = None
    unknown_accepted: float | None = None
    far_off: bool | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class CalibrationFacts:
    """Which calibration an answer used.

    Attributes:
        number: among those that the bank keeps.
        bank_version: whose cases it was fitted on.
        n_patients: who could be asked.
        metric, rule: what it recommends.
        n_changed_cases: cases added to or removed from the bank since.
    """

    number: int
    bank_version: int
    n_patients: int
    metric: str
    rule: Rule
    n_changed_cases: int


@dataclass(frozen=True)
class Comparison:
    """Ranked cases and conditions for one query, with all that is needed to compute it again.

    Attributes:
        query: what was asked.
        matches: the nearest patients, each by his nearest case, from near to far; at most k.
        conditions: every condition of the bank, ranked by `rule`.
        verdict: what it amounts to.
        metric, rule, k: the settings.
        n_cases: cases in this version of the bank.
        n_same_patient: how many of them were left out as the query's own patient.
        encoder_fingerprint, encoder_name: of the encoder that filled the bank.
        bank_name, bank_version: what was asked.
        created: UTC, ISO 8601.
        notes: sentences that belong to the answer.
        probability_reason: why there is no probability; None where there is one.
        medsiam_version: of the program that answered.
        research_use: what this is not.
        condition_set: conditions that cannot be ruled out; None where out of scope.
        evidence: what the leading condition rests on, and the nearest case against it.
        maybe_same_patient: cases that may be of the query's own patient, or the same image, under
            another name; they are left out of everything else, unless the bank holds nothing
            but such cases, which a note then says.
        calibration: the one used; None where the bank has none.
        normal_pool: distance to a pool of normals, where it was asked for.
        runtime: what ran the encoder; the bank's own embeddings may come from another.
    """

    query: QueryFacts
    matches: tuple[Match, ...]
    conditions: tuple[ConditionRank, ...]
    verdict: Verdict
    metric: str
    rule: Rule
    k: int
    n_cases: int
    n_same_patient: int
    encoder_fingerprint: str
    encoder_name: str
    bank_name: str
    bank_version: int
    created: str
    notes: tuple[str, ...] = ()
    probability_reason: str | None = NOT_CALIBRATED
    medsiam_version: str = ""
    research_use: str = field(default=RESEARCH_USE)
    condition_set: ConditionSet | None = None
    evidence: Evidence | None = None
    maybe_same_patient: tuple[Match, ...] = ()
    calibration: CalibrationFacts | None = None
    normal_pool: PoolDistance | None = None
    runtime: str = "torch"

    def __str__(self) -> str:
        return f"{self.query.name}: {self.verdict.text}"

    def __post_init__(self) -> None:
        distances = [match.distance for match in self.matches]
        if not all(math.isfinite(d) and d >= 0 for d in distances):
            raise ValueError("distances of matches must be finite and not negative")
        if distances != sorted(distances):
            raise ValueError("matches must be sorted by distance")
        if [match.rank for match in self.matches] != list(range(1, len(self.matches) + 1)):
            raise ValueError("ranks of matches must run from 1 without gaps")
        if len({match.case_id for match in self.matches}) != len(self.matches):
            raise ValueError("a case may appear only once among the matches")
        if len({entry.condition for entry in self.conditions}) != len(self.conditions):
            raise ValueError("a condition may appear only once")
