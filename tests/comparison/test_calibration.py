"""Documents that cannot be used are refused in words."""

from __future__ import annotations

import json

import pytest

from medsiam.comparison.calibrating import calibrate
from medsiam.comparison.calibration import newest_calibration
from medsiam.errors import BankError
from tests.comparison.stub_bank import ring_bank


def changed(document: str, **values) -> str:
    return json.dumps({**json.loads(document), **values})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"form": 2}, "has form 2, and this medsiam knows form 1"),
        ({"encoder_fingerprint": "0" * 64}, "is of another encoder"),
        ({"metrics": "none"}, "cannot be read"),
    ],
)
def test_refused(values, said):
    bank = ring_bank(4)
    bank.keep_calibration(changed(calibrate(bank).to_json(), **values), bank_version=1)
    with pytest.raises(BankError, match=said):
        newest_calibration(bank)


def test_none_yet_and_read_once():
    bank = ring_bank(4)
    assert newest_calibration(bank) is None
    bank.keep_calibration(calibrate(bank).to_json(), bank_version=1)
    assert newest_calibration(bank)[1] is newest_calibration(bank)[1]
