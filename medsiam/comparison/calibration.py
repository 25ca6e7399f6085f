"""What the distances of a bank mean, as one document that the bank keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter, ValidationError

from medsiam.comparison.combined import Combined
from medsiam.comparison.explanation_checks import ExplanationChecks
from medsiam.comparison.rejection import Rejection, Share
from medsiam.comparison.reliability import Reliability
from medsiam.comparison.result import Rule
from medsiam.errors import BankError

if TYPE_CHECKING:
    from medsiam.bank import KeptCalibration, ReferenceBank

FORM = 1


@dataclass(frozen=True)
class RuleScore:
    """How often a rule names the right condition: balanced accuracy with 95 % interval."""

    rule: Rule
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class ConformalLimit:
    """Smallest probability of a condition in the set of this level; None: too few patients."""

    level: float
    limit: float | None


@dataclass(frozen=True)
class Probabilities:
    """What was learned, and how good the probabilities are, on patients they were not fitted on.

    Attributes:
        combined: share and temperature.
        brier: of the probability that query and shown case share a condition; lower is better.
        brier_one_less, brier_inverse: of 1 - d and 1 / (1 + d), which people make up.
        brier_base: of the same probability for every pair: how many shown pairs are right.
        brier_distance: of a logistic curve over the pair's own distance.
        brier_conditions: of the probabilities of all conditions, summed.
        reliability: of the shown pairs.
        limits: of the conformal sets.
        coverage: how often sets of 0.9 held the true condition, over random halves of the
            patients, one half setting the limit and the other asking; None: too few patients.
        set_size: mean number of conditions in them.
    """

    combined: Combined
    brier: float
    brier_one_less: float
    brier_inverse: float
    brier_base: float
    brier_distance: float
    brier_conditions: float
    reliability: Reliability
    limits: tuple[ConformalLimit, ...]
    coverage: Share | None
    set_size: float | None


@dataclass(frozen=True)
class MetricCalibration:
    """One metric on one bank.

    Attributes:
        metric: which.
        rule: the one to rank conditions by.
        rules: every rule measured, on patients left out.
        n_patients: who could be asked: another patient has their condition.
        n_cases: of them.
        probabilities: None with a `probability_reason`.
        rejection: of conditions left out; None with a `rejection_reason`.
        far_limit: mean distance to the nearest three patients that 99 of 100 cases of the bank
            do not exceed; None where there are too few patients to say.
    """

    metric: str
    rule: Rule
    rules: tuple[RuleScore, ...]
    n_patients: int
    n_cases: int
    probabilities: Probabilities | None
    probability_reason: str | None
    rejection: Rejection | None
    rejection_reason: str | None
    far_limit: float | None


@dataclass(frozen=True)
class Calibration:
    """All that was measured on one version of a bank.

    Attributes:
        form: of this document.
        metric: the one to compare with.
        metrics: all measured, in the order tried.
        not_measured: metric -> why it could not be used.
        bank_version: whose cases were measured.
        n_cases, n_patients, n_conditions: of that version.
        encoder_fingerprint: of the bank's encoder.
        medsiam_version: of the program that measured.
        explanation: how maps of its comparisons fared; None: not checked.
    """

    form: int
    metric: str
    metrics: tuple[MetricCalibration, ...]
    not_measured: dict[str, str]
    bank_version: int
    n_cases: int
    n_patients: int
    n_conditions: int
    encoder_fingerprint: str
    medsiam_version: str
    explanation: ExplanationChecks | None = None

    def of(self, metric: str) -> MetricCalibration | None:
        """What was measured with one metric."""
        return next((entry for entry in self.metrics if entry.metric == metric), None)

    def to_json(self) -> str:
        """Return the document that `read_calibration` reads."""
        return _DOCUMENT.dump_json(self, indent=1).decode()


_DOCUMENT = TypeAdapter(Calibration)
_read: WeakKeyDictionary[ReferenceBank, tuple[KeptCalibration, Calibration]] = WeakKeyDictionary()


def newest_calibration(bank: ReferenceBank) -> tuple[KeptCalibration, Calibration] | None:
    """The newest calibration, as the bank keeps it and as it reads; None where it has none.

    Raises:
        BankError: a newer program made it, or it is of another encoder or no calibration at all.
    """
    kept = bank.calibration
    if kept is None:
        return None
    known = _read.get(bank)
    if known is None or known[0] != kept:
        known = _read[bank] = kept, read_calibration(kept, bank)
    return known


def the_calibration(
    bank: ReferenceBank, version: int, number: int | None
) -> tuple[KeptCalibration, Calibration] | None:
    """The calibration that goes with one version of a bank, or the one of this number.

    Args:
        bank: which keeps calibrations.
        version: of the bank; its newest calibration was fitted on it or on an earlier one.
        number: of the calibration, 0 for none; None: the one that goes with the version.

    Raises:
        BankError: there is no calibration of this number; else see `newest_calibration`.
    """
    newest = bank.calibration
    if number is None and (newest is None or newest.bank_version <= version):
        return newest_calibration(bank)
    if number == 0:
        return None
    kept = bank.calibrations
    if number is None:
        chosen = [one for one in kept if one.bank_version <= version][-1:]
    else:
        chosen = [one for one in kept if one.number == number]
        if not chosen:
            known = ", ".join(str(one.number) for one in kept) or "none"
            raise BankError(
                f"bank {bank.name} has no calibration {number}; it keeps {known} (0: do without)"
            )
    return (chosen[0], read_calibration(chosen[0], bank)) if chosen else None


def read_calibration(kept: KeptCalibration, bank: ReferenceBank) -> Calibration:
    """Read one calibration that a bank has kept; see `newest_calibration` for the errors."""
    again = f"make a new one with `medsiam bank calibrate {bank.path}`"
    try:
        found = _DOCUMENT.validate_json(kept.document)
    except ValidationError as error:
        raise BankError(
            f"calibration {kept.number} of bank {bank.name} cannot be read: it was made by "
            f"another version of medsiam, or it is damaged; {again}"
        ) from error
    if found.form != FORM:
        raise BankError(
            f"calibration {kept.number} of bank {bank.name} has form {found.form}, and this "
            f"medsiam knows form {FORM}; use a newer medsiam, or {again}"
        )
    if found.encoder_fingerprint != bank.encoder_card.fingerprint:
        raise BankError(
            f"calibration {kept.number} of bank {bank.name} is of another encoder; {again}"
        )
    return found
