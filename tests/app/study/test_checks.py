from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medsiam.scans import WARNINGS
from medsiam.scans.faults import warning
from study.checks import STEPS, Check, check_scan, in_order, may_go_on, needs_decision
from tests.app.conftest import scan_2d, scan_3d


def test_a_scan_of_the_banks_kind_needs_no_decision(bank_3d):
    checks = check_scan(scan_3d("along", 1), bank_3d)
    assert {check.step for check in checks} == {"geometry", "pixels", "identity", "scope"}
    assert not needs_decision(checks)
    assert "16 x 16 x 6, 2 x 2 x 4 mm." in [check.sentence for check in checks]


@pytest.mark.parametrize("code", sorted(WARNINGS))
def test_every_warning_of_the_library_has_its_step_and_its_sentence(bank_2d, code):
    scan = replace(scan_2d("along", 1), warnings=(warning(code, "something odd"),))
    (said,) = [check for check in check_scan(scan, bank_2d) if "omething odd" in check.sentence]
    assert said.sentence == "Something odd."
    assert said.level in ("warning", "note")
    assert said.level == "note" or said.to_do


@pytest.mark.parametrize(
    ("code", "step"),
    [("slice_gap", "geometry"), ("shows_identity", "identity"), ("burned_in_text", "identity"),
     ("one_of_several", "group"), ("values_replaced", "pixels")],
)  # fmt: skip
def test_what_the_reader_must_decide_on_stands_at_its_step(bank_2d, code, step):
    scan = replace(scan_2d("along", 1), warnings=(warning(code, "odd"),))
    warned = [check.step for check in check_scan(scan, bank_2d) if check.level == "warning"]
    assert warned == [step]


def test_another_modality_asks_the_reader(bank_3d):
    checks = check_scan(replace(scan_3d("along", 1), modality="CT"), bank_3d)
    (said,) = [check for check in checks if check.level == "warning"]
    assert said.step == "scope"
    assert said.sentence == "The scan is CT; this bank holds MR only."
    assert may_go_on(checks)


def test_a_scan_that_names_no_modality_is_noted(bank_3d):
    checks = check_scan(replace(scan_3d("along", 1), modality=None, spacing=None), bank_3d)
    assert not needs_decision(checks)
    assert {"scope", "geometry"} <= {check.step for check in checks if check.level == "note"}


def test_an_empty_picture_asks_the_reader(bank_2d):
    empty = replace(scan_2d("along", 1), array=np.zeros((8, 8), np.float32))
    assert needs_decision(check_scan(empty, bank_2d))


def test_what_was_refused_ends_it_and_steps_are_in_order():
    checks = [Check("scope", "fine", "b"), Check("unpack", "refused", "a"),
              Check("scope", "fine", "b")]  # fmt: skip
    assert not may_go_on(checks)
    assert list(in_order(checks)) == list(STEPS)
    assert in_order(checks)["scope"] == [Check("scope", "fine", "b")]
