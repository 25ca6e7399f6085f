from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import BankError
from shell.open_bank import case_scans, studies_folder, the_bank
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


def test_without_a_studies_folder_there_is_none(monkeypatch, tmp_path):
    monkeypatch.delenv("MEDSIAM_REVIEW_STUDIES", raising=False)
    assert studies_folder() is None
    monkeypatch.setenv("MEDSIAM_REVIEW_STUDIES", str(tmp_path))
    assert studies_folder() == tmp_path


def test_kept_scans_come_back_as_they_went_in(bank_2d):
    case = bank_2d.cases[0]
    (scan,) = case_scans(str(bank_2d.path), case.case_id, case.content_hashes)
    np.testing.assert_array_equal(scan.array, drawing("along", 0))
    assert case_scans(str(bank_2d.path), case.case_id, case.content_hashes)[0] is scan
