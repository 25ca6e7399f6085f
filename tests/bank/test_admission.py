from __future__ import annotations

import pytest

from medsiam.bank.admission import Admission
from medsiam.errors import BankError
from tests.bank.samples import make_record


def admission_of(*records) -> Admission:
    admission = Admission()
    for record in records:
        admission.admit(record.case)
    return admission


def test_other_cases_are_admitted_and_remembered():
    admission = admission_of(make_record("c1"), make_record("c2"))
    assert admission.case_ids == {"c1", "c2"}
    assert set(admission.scan_owners.values()) == {"c1", "c2"}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (make_record("c1", hashes=("f" * 64,)), "case c1 is in the bank already"),
        (make_record("c9", hashes=make_record("c2").case.content_hashes), "as case c2"),
        (
            make_record("c9", phases=("ED", "ES")),
            "c9 has phases ED, ES.*other cases have one scan without a phase",
        ),
    ],
)
def test_a_refused_case_leaves_no_trace(record, said):
    admission = admission_of(make_record("c1"), make_record("c2"))
    with pytest.raises(BankError, match=said):
        admission.admit(record.case)
    assert admission == admission_of(make_record("c1"), make_record("c2"))


def test_the_same_scan_as_two_phases_is_refused():
    with pytest.raises(BankError, match="two of its phases are the same scan"):
        Admission().admit(make_record("c1", phases=("ED", "ES"), hashes=("a" * 64,) * 2).case)


def test_a_scan_shared_by_the_second_phase_is_found():
    admission = admission_of(make_record("c1", phases=("ED", "ES")))
    shared = make_record("c1", phases=("ED", "ES")).case.content_hashes[1]
    newcomer = make_record("c2", phases=("ED", "ES"), hashes=("b" * 64, shared))
    with pytest.raises(BankError, match="as case c1"):
        admission.admit(newcomer.case)
