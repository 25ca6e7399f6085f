"""Which calibration an answer uses, and what must be said about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from medsiam.comparison.calibration import Calibration, MetricCalibration, the_calibration
from medsiam.comparison.result import NOT_CALIBRATED, CalibrationFacts, Rule
from medsiam.comparison.settings import Settings
from medsiam.errors import UsageError

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank, Snapshot


@dataclass(frozen=True)
class InUse:
    """How a query is compared.

    Attributes:
        metric, rule: as asked, else as recommended, else cosine and nearest.
        calibrated: what was measured with this metric; None where nothing was.
        facts: of the calibration; None where the bank has none.
        probability_reason: why there may be no probability.
        notes: sentences that belong to the answer.
    """

    metric: str
    rule: Rule
    calibrated: MetricCalibration | None
    facts: CalibrationFacts | None
    probability_reason: str
    notes: tuple[str, ...] = ()


def calibration_in_use(bank: ReferenceBank, snapshot: Snapshot, settings: Settings) -> InUse:
    """Choose metric, rule and calibration.

    Args:
        bank: which keeps calibrations.
        snapshot: the version that answers.
        settings: as asked; None in them: as recommended.

    Raises:
        UsageError: rule "combined" without a probability to go with it.
        BankError: a calibration that is not there or cannot be read.
    """
    metric, rule = settings.metric, settings.rule
    kept, found = the_calibration(bank, snapshot.version, settings.calibration) or (None, None)
    chosen = metric or (found.metric if found is not None else "cosine")
    calibrated = None if found is None else found.of(chosen)
    reason = NOT_CALIBRATED
    if found is not None:
        reason = f"the bank's calibration has not measured metric {chosen}"
        if calibrated is not None and calibrated.probability_reason is not None:
            reason = calibrated.probability_reason
    has_probability = calibrated is not None and calibrated.probabilities is not None
    if rule == "combined" and not has_probability:
        raise UsageError(
            f"rule combined needs a bank that is calibrated for metric {chosen}: {reason}; choose "
            "nearest, vote or prototype"
        )
    usual: Rule = "nearest" if calibrated is None else calibrated.rule
    if found is None or kept is None:
        return InUse(chosen, rule or usual, None, None, reason)
    n_changed = _changed_cases(bank, snapshot, found)
    facts = CalibrationFacts(
        number=kept.number,
        bank_version=found.bank_version,
        n_patients=0 if calibrated is None else calibrated.n_patients,
        metric=found.metric,
        rule=usual,
        n_changed_cases=n_changed,
    )
    notes: tuple[str, ...] = ()
    if n_changed:
        notes = (_changed(n_changed, found.bank_version, snapshot.version),)
    return InUse(chosen, rule or usual, calibrated, facts, reason, notes)


def _changed(n_cases: int, fitted: int, answering: int) -> str:
    """That bank and calibration are not of one version."""
    cases = "1 case" if n_cases == 1 else f"{n_cases} cases"
    if fitted > answering:
        return (
            f"The calibration was fitted on version {fitted} of this bank, and version {answering} "
            f"answers, which differs by {cases}."
        )
    have = "has" if n_cases == 1 else "have"
    return (
        f"The calibration was fitted on version {fitted} of this bank; {cases} {have} been added "
        f"or removed since (version {answering}). Fit a new one with `medsiam bank calibrate`."
    )


# A version never changes, so what lies between two of them is counted once.
_counted: WeakKeyDictionary[ReferenceBank, dict[tuple[int, int], int]] = WeakKeyDictionary()


def _changed_cases(bank: ReferenceBank, snapshot: Snapshot, found: Calibration) -> int:
    """Cases that are in only one of the two versions."""
    if found.bank_version == snapshot.version:
        return 0
    known = _counted.setdefault(bank, {})
    versions = (found.bank_version, snapshot.version)
    if versions not in known:
        fitted = {case.case_id for case in bank.snapshot(found.bank_version).cases}
        known[versions] = len(fitted ^ {case.case_id for case in snapshot.cases})
    return known[versions]
