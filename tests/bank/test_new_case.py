from __future__ import annotations

import pytest

from medsiam.bank import PROOFS, NewCase
from medsiam.errors import BankError
from tests.bank.samples import make_image


def new_case(**changes) -> NewCase:
    facts = {"scans": (make_image(1),), "case_id": "c1", "condition": "LAM"}
    return NewCase(**(facts | changes))


@pytest.mark.parametrize("proof", PROOFS)
def test_every_proof_is_taken(proof):
    assert new_case(proof=proof).proof == proof


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"case_id": " "}, "case_id of a case is empty"),
        ({"condition": ""}, "condition of case c1 is empty"),
        ({"condition": "LAM\x1b[2J"}, "control characters"),
        ({"case_id": "a\nb"}, "line breaks"),
        ({"proof": "guess"}, "unknown proof 'guess'; use one of histology"),
        ({"phases": ("ED", "ES")}, "1 scans, but 2 phases"),
        ({"scans": ()}, "0 scans"),
        ({"scans": (make_image(1), make_image(2)), "phases": ("ED", "ED")}, "named twice"),
    ],
)
def test_what_a_bank_does_not_keep_is_refused(changes, said):
    with pytest.raises(BankError, match=said):
        new_case(**changes)


def test_its_text_form_never_shows_the_patient():
    scan = make_image(1, patient_id="MUSTERMANN-77")
    assert "MUSTERMANN" not in repr(new_case(scans=(scan,), patient_id="MUSTERMANN-77"))


@pytest.mark.parametrize("field", ["case_id", "source", "notes", "site", "scanner", "curator"])
def test_a_text_that_holds_the_identifier_is_found(field):
    assert new_case(patient_id=" MUSTER-77 ", **{field: "from MUSTER-77, left"}).tells_patient
    assert not new_case(patient_id="MUSTER-77", **{field: "from another"}).tells_patient
    assert not new_case(patient_id="c1", **{field: "c1"}).tells_patient  # too short to tell
    assert not new_case(**{field: "c1"}).tells_patient
