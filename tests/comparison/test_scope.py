"""What the headers say about query and bank together."""

from __future__ import annotations

import pytest

from medsiam.comparison.scope import check_scope
from tests.comparison.stub_bank import make_case


def bank_of(*modalities, body_part=None):
    return [
        make_case(f"c{i}", "A", f"p{i}", modality=modality, body_part=body_part)
        for i, modality in enumerate(modalities)
    ]


def test_another_modality_is_out_of_scope():
    scope = check_scope(["CT"], [None], bank_of("DX", "DX"))
    assert scope.fault == "The scan is CT; this bank holds DX only."


@pytest.mark.parametrize(
    ("query", "bank"), [("CT", ("CT", "MR")), ("CR", ("DX",)), ("DX", ("CR", "RG"))]
)
def test_the_same_kind_is_in_scope(query, bank):
    scope = check_scope([query], [None], bank_of(*bank))
    assert scope.fault is None
    assert scope.notes == ()


def test_an_unknown_side_leaves_it_open_and_says_so():
    unknown_query = check_scope([None], [None], bank_of("DX", "CR"))
    assert unknown_query.fault is None
    assert unknown_query.notes == ("The scan does not name its modality; this bank holds CR, DX.",)
    unknown_case = check_scope(["CT"], [None], bank_of("DX", None))
    assert unknown_case.fault is None
    assert "1 of the bank's 2 cases do not name their modality" in unknown_case.notes[0]
    assert check_scope([None], [None], bank_of(None)).notes == ()


def test_one_foreign_phase_is_enough():
    assert check_scope(["MR", "CT"], [None, None], bank_of("MR")).fault is not None


def test_another_body_part_is_noted_only():
    scope = check_scope(["CT"], ["Head"], bank_of("CT", body_part="CHEST"))
    assert scope.fault is None
    assert scope.notes == ("The scan's header names the body part HEAD; this bank holds CHEST.",)
    assert check_scope(["CT"], ["chest"], bank_of("CT", body_part="CHEST")).notes == ()
    assert check_scope(["CT"], ["HEAD"], bank_of("CT")).notes == ()
