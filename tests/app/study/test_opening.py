from __future__ import annotations

from dataclasses import replace

import pytest

from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans.faults import warning
from study.checks import Check
from study.fault_words import FAULT_WORDS
from study.intake import Found
from study.opening import Opening, begin, choose, label_of, unchoose
from study.series import Series, Study
from tests.app.conftest import scan_2d, scan_3d

CHECKS = (Check("unpack", "fine", "1 file."),)


def found(scan=None, n=1) -> Found:
    series = tuple(Series(f"k{i}", f"{i}", None) for i in range(n))
    return Found(Study(series, ()), CHECKS, scan=scan)


def nothing(step):
    pass


def test_a_scan_without_fault_is_accepted_by_itself(bank_2d):
    opening = begin(lambda step: found(scan_2d("along", 1)), bank_2d, nothing)
    assert opening.accepted
    assert opening.checks[0] == CHECKS[0]
    assert opening.fault is None


def test_a_warning_waits_for_the_reader(bank_2d):
    scan = replace(scan_2d("along", 1), warnings=(warning("burned_in_text", "odd"),))
    opening = begin(lambda step: found(scan), bank_2d, nothing)
    assert not opening.accepted
    assert opening.scan is scan


def test_a_fault_has_its_words_and_its_detail(bank_2d):
    def fail(step):
        raise ScanError("missing_slices", "between 5 and 7")

    opening = begin(fail, bank_2d, nothing, names=["DOE.dcm"])
    assert opening.fault is FAULT_WORDS["missing_slices"]
    assert opening.detail == "between 5 and 7"
    assert not opening.accepted
    assert "DOE" not in repr(opening)


def test_an_error_that_may_name_a_path_gives_no_detail(bank_2d):
    def fail(step):
        raise EncoderMismatchError("/data/DOE: other encoder")

    opening = begin(fail, bank_2d, nothing)
    assert opening.fault is not None
    assert opening.detail == ""


def test_one_of_several_is_read_when_it_is_chosen_and_can_be_put_back(bank_3d):
    scan = replace(scan_3d("along", 1), modality="CT")
    opening = begin(lambda step: found(n=2), bank_3d, nothing, read={"k1": scan}.__getitem__)
    assert not opening.accepted
    assert opening.scan is None
    chosen = choose(opening, "k1", bank_3d)
    assert chosen.scan is scan
    assert not chosen.accepted  # another modality
    assert unchoose(chosen).checks == CHECKS
    assert unchoose(chosen).scan is None


def test_where_there_was_no_choice_there_is_none_to_go_back_to(bank_2d):
    assert unchoose(begin(lambda step: found(scan_2d("along", 1)), bank_2d, nothing)) is None
    assert unchoose(Opening(None)) is None


def test_a_chosen_series_that_cannot_be_read_leaves_the_choice(bank_3d):
    def fail(key):
        raise ScanError("truncated_pixels", "")

    chosen = choose(begin(lambda step: found(n=2), bank_3d, nothing, read=fail), "k0", bank_3d)
    assert chosen.fault is FAULT_WORDS["truncated_pixels"]
    assert unchoose(chosen).fault is None


@pytest.mark.parametrize(
    ("facts", "label"),
    [({}, "MR 3D, 16 x 16 x 6"), ({"body_part": "HEART"}, "MR HEART 3D, 16 x 16 x 6"),
     ({"modality": None}, "3D, 16 x 16 x 6")],
)  # fmt: skip
def test_a_label_says_what_it_is_and_whose_not(facts, label):
    assert label_of(replace(scan_3d("along", 1, patient_id="DOE"), **facts)) == label
