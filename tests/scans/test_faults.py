from __future__ import annotations

import re
from pathlib import Path

import pytest

from medsiam.scans import FAULTS, is_foreign
from medsiam.scans.faults import fault

PACKAGE = Path(__file__).parents[2] / "medsiam" / "scans"


def test_every_code_in_the_sources_is_listed_and_every_listed_code_is_used():
    sources = "".join(p.read_text() for p in PACKAGE.glob("*.py") if p.name != "faults.py")
    quoted = set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', sources))
    raised = set(re.findall(r'fault\(\s*"([a-z_]+)"', sources))
    assert len(raised) > 15
    assert raised <= set(FAULTS)
    assert set(FAULTS) <= quoted


def test_a_fault_says_what_was_seen_where_and_what_to_do():
    error = fault("missing_slices", Path("ct/7"), "9 slices, usually 2 mm apart")
    assert error.code == "missing_slices"
    assert str(error) == (
        "ct/7: 9 slices, usually 2 mm apart; get the complete series from the archive"
    )


def test_a_code_that_is_not_listed_cannot_be_raised():
    with pytest.raises(KeyError):
        fault("invented", Path("x"), "something")


@pytest.mark.parametrize("code", FAULTS)
def test_each_fault_has_a_reason_and_a_remedy(code):
    assert len(FAULTS[code].matters) > 10
    assert len(FAULTS[code].remedy) > 10


def test_junk_is_foreign_and_a_damaged_scan_is_not():
    assert is_foreign("unknown_format")
    assert is_foreign("not_an_image")
    assert not is_foreign("truncated_pixels")
    assert not is_foreign("damaged_dicom")
