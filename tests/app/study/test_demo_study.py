from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from medsiam.phantoms import UNSEEN_CONDITIONS
from study.demo_study import demo_choices, demo_study, has_demo


def test_only_a_synthetic_bank_has_a_demo(phantom_bank, bank_3d):
    assert has_demo(phantom_bank)
    assert not has_demo(bank_3d)


def test_the_choices_are_one_condition_of_the_bank_and_one_of_none(phantom_bank):
    known, unknown = (*demo_choices(phantom_bank), None)[:2]
    conditions = set(phantom_bank.conditions)
    in_bank = [name for name in demo_choices(phantom_bank) if name in conditions]
    assert len(in_bank) <= 1
    assert {known, unknown} <= {*UNSEEN_CONDITIONS, None}
    assert set(demo_choices(phantom_bank)) - conditions


@pytest.mark.parametrize("condition", UNSEEN_CONDITIONS[:1])
def test_a_demo_study_is_made_read_and_gone(phantom_bank, condition, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    steps = []
    found = demo_study(condition, phantom_bank)(steps.append)
    assert found.scan.spatial_dims == 3
    assert steps == ["unpack", "group", "pixels"]
    assert list(Path(tmp_path).iterdir()) == []
    again = demo_study(condition, phantom_bank)(steps.append)
    assert again.scan.patient_id != found.scan.patient_id  # another patient each time
