from __future__ import annotations

from dataclasses import replace

import numpy as np

from medsiam.bank.difference import difference
from medsiam.bank.store import Snapshot
from tests.bank.samples import make_record


def snapshot(number, *cases):
    return Snapshot(number, cases, np.zeros((len(cases), 4), np.float32))


def test_cases_that_came_went_and_were_replaced():
    a, b, c, d = (make_record(name).case for name in "abcd")
    relabelled = replace(b, condition="PAP", added="2026-03-04T05:06:07+00:00")
    older, newer = snapshot(1, a, b, c), snapshot(4, c, d, relabelled)
    found = difference(older, newer)
    assert (found.older, found.newer) == (1, 4)
    assert (found.added, found.removed, found.changed) == ((d,), (a,), ((b, relabelled),))
    back = difference(newer, older)
    assert (back.added, back.removed, back.changed) == ((a,), (d,), ((relabelled, b),))
    same = difference(older, older)
    assert (same.added, same.removed, same.changed) == ((), (), ())
