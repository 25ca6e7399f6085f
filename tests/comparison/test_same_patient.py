"""Too near to be another patient."""

from __future__ import annotations

import numpy as np

from medsiam.comparison.novelty import NearestOthers
from medsiam.comparison.same_patient import suspiciously_near

EVERYBODY = np.ones(6, bool)


def others(*distances) -> NearestOthers:
    n = len(distances)
    return NearestOthers(np.arange(n), np.array(distances), np.zeros(n, np.intp))


def test_within_half_of_what_patients_keep_apart():
    usual = others(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    found = suspiciously_near(np.array([0.4, 0.6, 0.0, 2.0, 0.49, 3.0]), EVERYBODY, usual)
    assert found.tolist() == [True, False, True, False, True, False]


def test_a_condition_of_look_alikes_is_not_one_patient():
    tight = others(0.9, 1.0, 1.0, 1.0, 1.0, 0.2)
    found = suspiciously_near(np.array([9.0, 9.0, 9.0, 9.0, 9.0, 0.15]), EVERYBODY, tight)
    assert not found.any()


def test_a_case_that_is_in_the_bank_twice_does_not_hide_itself():
    twice = others(0.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    assert suspiciously_near(np.array([0.1, *[9.0] * 5]), EVERYBODY, twice)[0]


def test_nothing_is_said_of_small_banks_and_of_cases_left_out():
    near = np.zeros(6)
    assert not suspiciously_near(near, EVERYBODY, None).any()
    assert not suspiciously_near(near, ~EVERYBODY, others(*[1.0] * 6)).any()
