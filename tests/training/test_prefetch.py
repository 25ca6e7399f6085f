"""Made one step ahead: the same results, each made once, while the caller works."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from medsiam.training.prefetch import Prefetch


def draw(step):
    return np.arange(4) + 10 * step


def test_gives_what_the_function_gives_and_makes_each_once():
    calls = []

    def make(positions, places, step):
        calls.append((positions.tolist(), places.tolist(), step))
        return positions * 100 + places + step

    ahead = Prefetch(make, draw=draw)
    places = np.array([1, 3])
    for step in range(5):
        expected = draw(step)[places] * 100 + places + step
        np.testing.assert_array_equal(ahead(draw(step)[places], places, step), expected)
        again = ahead(draw(step)[places], places, step)  # as a second pass over a batch does
        np.testing.assert_array_equal(again, expected)
    assert len(calls[:5]) == len({step for *_, step in calls[:5]}) == 5


def test_the_next_step_is_made_before_it_is_asked_for():
    made = {step: threading.Event() for step in range(3)}
    threads = set()

    def make(positions, places, step):
        threads.add(threading.current_thread().name)
        made[step].set()
        return step

    ahead = Prefetch(make, draw=draw)
    ahead(draw(0), np.arange(4), 0)
    assert made[1].wait(timeout=10)  # drawn and made in the thread
    assert not made[2].is_set()
    assert threading.current_thread().name not in threads


def test_a_wrong_guess_changes_nothing():
    ahead = Prefetch(lambda positions, places, step: positions.sum() + step, draw=draw)
    assert ahead(np.array([7]), np.array([0]), 0) == 7
    assert ahead(np.array([8]), np.array([0]), 1) == 9  # the guess was position 10
    assert ahead(np.array([1, 2]), np.array([0, 9]), 2) == 5  # a place the next batch has not


def test_an_error_in_the_thread_reaches_the_caller():
    def make(positions, places, step):
        raise ValueError("no such scan")

    with pytest.raises(ValueError, match="no such scan"):
        Prefetch(make, draw=draw)(draw(0), np.arange(4), 0)
