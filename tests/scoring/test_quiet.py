from __future__ import annotations

import pytest

from medsiam.scoring.quiet import Quiet


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_series_is_due_when_it_did_not_change_for_so_long(clock):
    quiet = Quiet(10, clock)
    quiet.see({"a": 1, "b": 1})
    clock.now += 9
    assert quiet.due() == []
    quiet.see({"a": 1, "b": 2})
    clock.now += 2
    assert quiet.due() == ["a"]
    clock.now += 8
    assert quiet.due() == ["a", "b"]


def test_what_is_settled_is_due_again_when_it_changes(clock):
    quiet = Quiet(10, clock)
    quiet.see({"a": 1, "b": 1})
    clock.now += 10
    quiet.settle("a")
    assert quiet.due() == ["b"]
    assert quiet.settled == {"a"}
    quiet.see({"a": 2})  # and b is gone
    assert quiet.settled == frozenset()
    assert quiet.due() == []
    clock.now += 10
    assert quiet.due() == ["a"]


def test_what_is_postponed_comes_later_and_holds_nothing_up(clock):
    quiet = Quiet(0, clock)
    quiet.see({"a": 1, "b": 1})
    quiet.postpone("a", 5)
    assert quiet.due() == ["b"]
    clock.now += 5
    assert quiet.due() == ["a", "b"]
