from __future__ import annotations

import dataclasses

import pytest

from medsiam.bank import PROOFS
from tests.bank.samples import make_record


def test_the_proofs_are_those_of_the_design():
    assert set(PROOFS) == {
        "histology",
        "genetics",
        "follow-up",
        "consensus",
        "expert opinion",
        "single reader",
        "none",
    }


def test_a_case_is_a_value_that_nobody_changes():
    case = make_record("c1").case
    assert case == make_record("c1").case
    assert len({case, make_record("c1").case, make_record("c2").case}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.condition = "other"
