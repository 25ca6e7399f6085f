from __future__ import annotations

import os

import pytest

from medsiam.errors import UsageError
from medsiam.scoring import Limits, Question


@pytest.mark.parametrize("wrong", [{"k": 0}, {"metric": "manhattan"}, {"rule": "near"}])
def test_a_wrong_question_is_refused_before_any_work(wrong):
    with pytest.raises(UsageError):
        Question(**wrong)


@pytest.mark.parametrize("wrong", [{"wall_seconds": 0}, {"workers": -1}, {"memory_bytes": 1 << 20}])
def test_limits_that_let_nothing_through_are_refused(wrong):
    with pytest.raises(UsageError):
        Limits(**wrong)


def test_by_default_there_are_more_workers_than_cores():
    assert Limits().workers == min(len(os.sched_getaffinity(0)) + 2, 16)
    assert Limits(workers=3).workers == 3
