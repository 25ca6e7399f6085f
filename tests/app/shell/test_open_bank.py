from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import BankError
from shell.open_bank import (
    batches_folder,
    case_scans,
    runs_folder,
    shown_name,
    studies_folder,
    the_bank,
)
from tests.app.conftest import drawing


def test_the_bank_is_opened_once_and_sees_new_cases(bank_2d, monkeypatch):
    monkeypatch.setenv("MEDSIAM_REVIEW_BANK", str(bank_2d.path))
    bank = the_bank()
    assert the_bank() is bank
    assert bank.version == bank_2d.version


def test_no_bank_is_an_error_of_the_library(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSIAM_REVIEW_BANK", str(tmp_path / "none"))
    with pytest.raises(BankError, match="no bank"):
        the_bank()


@pytest.mark.parametrize(
    ("folder", "name"),
    [(studies_folder, "STUDIES"), (batches_folder, "BATCHES"), (runs_folder, "RUNS")],
)
def test_a_folder_that_was_not_named_is_none(monkeypatch, tmp_path, folder, name):
    monkeypatch.delenv(f"MEDSIAM_REVIEW_{name}", raising=False)
    assert folder() is None
    monkeypatch.setenv(f"MEDSIAM_REVIEW_{name}", str(tmp_path))
    assert folder() == tmp_path


def test_a_folder_is_shown_by_its_place_below_the_one_named(tmp_path):
    assert shown_name(tmp_path / "a" / "b", tmp_path) == "a/b"
    assert shown_name(tmp_path, tmp_path) == tmp_path.name


def test_kept_scans_come_back_as_they_went_in(bank_2d):
    case = bank_2d.cases[0]
    (scan,) = case_scans(str(bank_2d.path), case.case_id, case.content_hashes)
    np.testing.assert_array_equal(scan.array, drawing("along", 0))
    assert case_scans(str(bank_2d.path), case.case_id, case.content_hashes)[0] is scan
