"""Measure what the distances of a bank mean: every metric, every rule, on patients left out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medsiam._version import __version__
from medsiam.bank.same_picture import Pictures
from medsiam.comparison.calibration import FORM, Calibration, MetricCalibration, RuleScore
from medsiam.comparison.combined import MIN_PATIENTS, fit_combined, n_answerable
from medsiam.comparison.leave_patient_out import LeftOut, leave_patients_out, nearest_three
from medsiam.comparison.matching import CaseArrays
from medsiam.comparison.novelty import MIN_PATIENTS as FEWEST_FOR_A_LIMIT
from medsiam.comparison.pair_probability import measure_probabilities, out_of_fold
from medsiam.comparison.rejection import measure_rejection
from medsiam.comparison.result import Rule
from medsiam.comparison.space import MATCH, TwinHead
from medsiam.comparison.twin_head import has_twin_head, read_twin_head
from medsiam.comparison.yardstick import case_arrays
from medsiam.distances import METRICS
from medsiam.errors import BankError, NothingToDoError, UsageError
from medsiam.metrics import cluster_bootstrap, mean_over_queries

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

FAR_PERCENTILE = 99
_MARGIN = 0.02  # a metric must be better by more than this share to be preferred to the one before
# Cosine first: the default stays unless another metric is better.
_TRIED = ("cosine", *(metric for metric in METRICS if metric != "cosine"), MATCH)


def calibrate(bank: ReferenceBank, *, random_state: int = 0) -> Calibration:
    """Measure the newest version of a bank. Nothing is written; see `keep_calibration`.

    Args:
        bank: of at least two patients.
        random_state: seed of folds and intervals.

    Raises:
        BankError: a bank of one patient.
        NothingToDoError: a bank on which nothing can be measured yet.
    """
    snapshot = bank.snapshot()
    cases = _copies_of_one(case_arrays(snapshot), Pictures.of(snapshot).pairs())
    if cases.n_patients < 2:
        raise BankError(
            f"bank {bank.name} holds cases of {cases.n_patients} patients: what its distances "
            "mean can be measured from two on, and a probability needs "
            f"{MIN_PATIENTS}; add cases of other patients"
        )
    measured, not_measured = [], {}
    for metric in _TRIED:
        if metric == MATCH and not has_twin_head(bank.encoder_card):
            continue
        try:
            measured.append(
                calibrate_metric(
                    cases,
                    metric,
                    head=lambda: read_twin_head(bank),
                    random_state=random_state,
                )
            )
        except UsageError as error:
            not_measured[metric] = str(error)
    if not any(entry.n_cases or entry.far_limit is not None for entry in measured):
        raise NothingToDoError(
            f"nothing can be measured on bank {bank.name}: no two of its patients share a "
            f"condition, and {FEWEST_FOR_A_LIMIT} patients are needed to tell how far off a scan "
            "lies; add patients, and calibrate again. Comparisons go on without a calibration"
        )
    return Calibration(
        form=FORM,
        metric=_best(measured),
        metrics=tuple(measured),
        not_measured=not_measured,
        bank_version=snapshot.version,
        n_cases=len(cases),
        n_patients=cases.n_patients,
        n_conditions=len(np.unique(cases.conditions)),
        encoder_fingerprint=bank.encoder_card.fingerprint,
        medsiam_version=__version__,
    )


def _copies_of_one(cases: CaseArrays, pairs: tuple[tuple[int, int], ...]) -> CaseArrays:
    """Patients whose pictures are the same count as one, as a comparison leaves both out."""
    patients = cases.patients.copy()
    for first, second in pairs:
        patients[patients == patients[second]] = patients[first]
    return replace(cases, patients=patients)


def calibrate_metric(
    cases: CaseArrays,
    metric: str,
    *,
    head: Callable[[], TwinHead] | None = None,
    random_state: int = 0,
) -> MetricCalibration:
    """Measure one metric on a bank's cases; see `leave_patients_out` for arguments and errors."""
    found = leave_patients_out(cases, metric=metric, head=head)
    combined = fit_combined(found)
    n_patients = n_answerable(found)
    probabilities, rejection = None, None
    if combined is not None:
        given = out_of_fold(found, random_state=random_state)
        probabilities = measure_probabilities(found, given, combined, random_state=random_state)
        distances = combined.distances(found.nearest, found.to_prototype)
        rejection = measure_rejection(distances, found, random_state=random_state)
    rules = _rule_scores(found, None if combined is None else given)
    return MetricCalibration(
        metric=metric,
        rule=_best_rule(rules, found),
        rules=tuple(score for score, _ in rules),
        n_patients=n_patients,
        n_cases=int(found.answerable.sum()),
        probabilities=probabilities,
        probability_reason=None if probabilities else _why_no_probability(found, n_patients),
        rejection=rejection,
        rejection_reason=None if rejection else _why_no_rejection(found, n_patients),
        far_limit=_far_limit(found),
    )


def _far_limit(found: LeftOut) -> float | None:
    if len(np.unique(found.patients)) < FEWEST_FOR_A_LIMIT:
        return None
    return float(np.percentile(nearest_three(found.nearest), FAR_PERCENTILE, method="higher"))


def _rule_scores(found: LeftOut, given: Floats | None) -> list[tuple[RuleScore, Floats]]:
    """Each rule's balanced accuracy, and which of the m cases it names rightly (NaN: unasked)."""
    called: dict[Rule, Codes] = {
        "nearest": found.nearest[:, :, 0].argmin(axis=1),
        "vote": _votes(found),
        "prototype": found.to_prototype.argmin(axis=1),
    }
    if given is not None:
        called = {"combined": given.argmax(axis=1), **called}
    scores = []
    if len(np.unique(found.patients[found.answerable])) < 2:
        return []
    for rule, codes in called.items():
        right = np.where(found.answerable, (codes == found.truth).astype(np.float64), np.nan)
        value = mean_over_queries(right, found.truth).macro
        low, high = cluster_bootstrap(right, found.patients, labels=found.truth)
        scores.append((RuleScore(rule, value, low, high), right))
    return scores


def _votes(found: LeftOut) -> Codes:
    """(m,) most frequent condition of the nearest patients; of equal ones, the nearest."""
    codes = np.arange(len(found.conditions))
    votes = (found.matches[:, :, None] == codes).sum(axis=1).astype(np.float64)
    # Less than one vote, so that it only decides between equals.
    near = found.nearest[:, :, 0]
    place = np.argsort(np.argsort(near, axis=1, kind="stable"), axis=1)
    called: Codes = (votes - place / (len(codes) + 1)).argmax(axis=1)
    return called


def _best_rule(rules: list[tuple[RuleScore, Floats]], found: LeftOut) -> Rule:
    """The first rule, unless another is better beyond doubt; probabilities go with the first."""
    if not rules:
        return "nearest"
    first, right = rules[0]
    best, surplus = first.rule, 0.0
    for score, other in rules[1:]:
        # From -1 to 1, moved to where an interval of shares is made.
        gain = (other - right + 1) / 2
        low, _ = cluster_bootstrap(gain, found.patients, labels=found.truth)
        if low > 0.5 and score.accuracy - first.accuracy > surplus:
            best, surplus = score.rule, score.accuracy - first.accuracy
    return best


def _best(measured: list[MetricCalibration]) -> str:
    """The best probabilities among the metrics that tell what the bank does not hold.

    Without any probabilities, the default unless another names conditions better beyond doubt.
    """
    chosen, least = measured[0], math.inf
    for entry in _open_eyed(measured):
        if entry.probabilities is None:
            continue
        score = entry.probabilities.brier_conditions
        if score < (1 - _MARGIN) * least:
            chosen, least = entry, score
    if not math.isinf(least):
        return chosen.metric
    for entry in measured[1:]:
        if _leads_beyond_doubt(entry, chosen):
            chosen = entry
    return chosen.metric


def _open_eyed(measured: list[MetricCalibration]) -> list[MetricCalibration]:
    """Metrics that tell a condition left out not clearly worse than the one that does it best."""
    told = [entry.rejection for entry in measured if entry.rejection is not None]
    if not told:
        return measured
    enough = max(told, key=lambda rejection: rejection.auroc).low
    return [e for e in measured if e.rejection is not None and e.rejection.auroc >= enough]


def _leads_beyond_doubt(entry: MetricCalibration, other: MetricCalibration) -> bool:
    ours, theirs = _leading(entry), _leading(other)
    return ours is not None and theirs is not None and ours.low > theirs.high


def _leading(entry: MetricCalibration) -> RuleScore | None:
    return next((score for score in entry.rules if score.rule == entry.rule), None)


def _why_no_probability(found: LeftOut, n_patients: int) -> str:
    if len(found.conditions) < 2:
        return "the bank holds one condition, so there is nothing to choose from"
    if n_patients < MIN_PATIENTS:
        missing = MIN_PATIENTS - n_patients
        return (
            f"{n_patients} patients of this bank share their condition with another patient, and "
            f"{MIN_PATIENTS} are needed to learn what a distance means: {missing} more"
        )
    return "the distances of this bank do not tell its conditions apart"


def _why_no_rejection(found: LeftOut, n_patients: int) -> str:
    if len(found.conditions) < 2:
        return (
            "the bank holds one condition: how often a foreign one passes is measured by leaving "
            "one condition out, and nothing would be left"
        )
    return _why_no_probability(found, n_patients)
