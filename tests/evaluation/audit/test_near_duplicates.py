"""One patient under two names is named; neighbours as near as others are not."""

from __future__ import annotations

import numpy as np
import pytest

from medsiam.evaluation.audit.near_duplicates import find_near_duplicates
from tests.evaluation.audit.samples import as_cases, clusters, make_snapshot


def named(x, conditions, patients):
    pairs = find_near_duplicates(as_cases(make_snapshot(x, conditions, patients)))
    return [(pair.case_a, pair.case_b) for pair in pairs]


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2])
def test_a_planted_copy_is_found_and_nothing_else(noise):
    snapshot = clusters(20, apart=2, d=12)
    rng = np.random.default_rng(1)
    x = np.vstack([snapshot.embeddings, snapshot.embeddings[4] + noise * rng.normal(size=12)])
    conditions = [case.condition for case in snapshot.cases] + ["UIP"]
    assert named(x, conditions, range(61)) == [("case-004", "case-060")]


def test_copies_of_one_patient_are_his_own_business():
    x = np.random.default_rng(2).normal(size=(20, 8))
    x[1] = x[0]
    assert named(x, ["LAM", "PAP"] * 10, [0, *range(19)]) == []


def test_three_of_a_kind_are_three_pairs():
    x = np.random.default_rng(3).normal(size=(20, 8))
    x[1] = x[2] = x[0]
    assert len(named(x, ["LAM", "PAP"] * 10, range(20))) == 3


def test_noise_is_rarely_named():
    rng = np.random.default_rng(4)
    alarms = [
        len(named(rng.normal(size=(40, d)), ["LAM", "PAP"] * 20, range(40)))
        for d in (4, 8, 32)
        for _ in range(20)
    ]
    assert np.mean(alarms) < 0.25


def test_two_patients_have_no_third_to_be_compared_with():
    assert named(np.eye(2), ["LAM", "PAP"], range(2)) == []
    (pair,) = find_near_duplicates(
        as_cases(make_snapshot(np.array([[0.0], [0.0], [5.0]]), ["LAM"] * 3, range(3)))
    )
    assert pair.distance == 0


def test_the_heart_filed_under_two_patients_is_found(medsiam_data):
    """ACDC's patients 074 and 076 are one heart; embedded here as coarse pictures of themselves."""
    from medsiam import read_scan
    from medsiam.encoders import pixel_embeddings

    folder = medsiam_data / "acdc_cardiac_mri" / "volumes"
    patients = range(61, 81)
    x = pixel_embeddings(read_scan(folder / f"patient{n:03d}_ED.nii.gz") for n in patients)
    pairs = find_near_duplicates(as_cases(make_snapshot(x, ["NOR"] * 20, patients), "cosine"))
    assert [(pair.case_a, pair.case_b) for pair in pairs] == [("case-013", "case-015")]


def test_the_same_picture_is_named_whatever_the_distance():
    x = np.random.default_rng(5).normal(size=(20, 8))
    x[1] = x[0]
    found = as_cases(make_snapshot(x, ["LAM", "PAP"] * 10, range(20)))
    near, far = find_near_duplicates(found, [(0, 1), (3, 8)])
    assert (near.case_a, near.case_b, near.same_picture) == ("case-000", "case-001", True)
    assert (far.case_a, far.case_b, far.same_picture) == ("case-003", "case-008", True)
    assert far.distance == pytest.approx(found.distances[3, 8])
    assert find_near_duplicates(found)[0].same_picture is False
