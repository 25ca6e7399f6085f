"""What is chosen where nothing was asked for."""

from __future__ import annotations

import pytest

from medsiam.comparison.calibrating import calibrate
from medsiam.comparison.in_use import calibration_in_use
from medsiam.comparison.settings import Settings
from medsiam.errors import UsageError
from tests.comparison.stub_bank import ring_bank


def test_without_a_calibration_cosine_and_nearest():
    bank = ring_bank()
    used = calibration_in_use(bank, bank.snapshot(), Settings(5, None, None))
    assert (used.metric, used.rule, used.calibrated, used.facts) == (
        "cosine",
        "nearest",
        None,
        None,
    )
    assert "medsiam bank calibrate" in used.probability_reason
    with pytest.raises(UsageError, match="rule combined needs a bank that is calibrated"):
        calibration_in_use(bank, bank.snapshot(), Settings(5, None, "combined"))


def test_what_was_asked_for_comes_first():
    bank = ring_bank(24)
    found = calibrate(bank)
    bank.keep_calibration(found.to_json(), bank_version=1)
    used = calibration_in_use(bank, bank.snapshot(), Settings(5, "mahalanobis", "vote"))
    assert (used.metric, used.rule) == ("mahalanobis", "vote")
    assert used.calibrated == found.of("mahalanobis")
    usual = calibration_in_use(bank, bank.snapshot(), Settings(5, None, None))
    assert (usual.metric, usual.rule) == (found.metric, found.of(found.metric).rule)


def test_too_few_patients_give_their_reason():
    bank = ring_bank(12)
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    used = calibration_in_use(bank, bank.snapshot(), Settings(5, None, None))
    assert used.probability_reason.endswith("8 more")
    assert used.facts.n_patients == 12
