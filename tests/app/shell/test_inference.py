from __future__ import annotations

import gc
import threading
import weakref

import pytest
from streamlit.testing.v1 import AppTest

from shell.inference import Worker, _progress
from shell.open_bank import the_bank


class Gate:
    """Work that begins, and ends when it is allowed to."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.may_end.wait(10)
        return "gate"


def test_work_is_done_in_the_order_of_its_arrival_by_one_thread():
    worker, order, threads = Worker(), [], set()

    def note(i: int) -> int:
        order.append(i)
        threads.add(threading.current_thread().name)
        return i

    jobs = [worker.submit(lambda i=i: note(i)) for i in range(20)]
    assert all(job.done.wait(10) for job in jobs)
    assert [job.result() for job in jobs] == order == list(range(20))
    assert threads == {"medsiam-inference"}


def test_a_place_in_the_queue_counts_all_before_it():
    worker, gate = Worker(), Gate()
    first = worker.submit(gate)
    assert gate.begun.wait(10)
    second, third = worker.submit(lambda: 2), worker.submit(lambda: 3)
    assert [worker.before(job) for job in (first, second, third)] == [0, 1, 2]
    gate.may_end.set()
    assert third.done.wait(10)
    assert worker.before(third) == 0


def test_who_gives_up_is_not_served_and_makes_room():
    worker, gate, done = Worker(), Gate(), []
    worker.submit(gate)
    assert gate.begun.wait(10)
    left, stays = worker.submit(lambda: done.append("left")), worker.submit(lambda: 3)
    worker.give_up(left)
    assert worker.before(stays) == 1
    gate.may_end.set()
    assert stays.done.wait(10)
    assert done == []


def test_an_error_goes_to_the_one_who_asked_and_the_worker_goes_on():
    worker = Worker()
    bad, good = worker.submit(lambda: 1 / 0), worker.submit(lambda: "fine")
    assert good.done.wait(10)
    assert good.result() == "fine"
    with pytest.raises(ZeroDivisionError):
        bad.result()


def test_what_was_made_is_held_by_the_asker_alone():
    class Thing:
        pass

    worker = Worker()
    job = worker.submit(Thing)
    assert job.done.wait(10)
    made = weakref.ref(job.result())
    last = worker.submit(lambda: None)
    assert last.done.wait(10)
    del job
    gc.collect()
    assert made() is None


def test_the_words_of_waiting():
    assert _progress("Comparing", 0) == "Comparing ..."
    assert _progress("Comparing", 1) == "Comparing: 1 reader before you"
    assert _progress("Comparing", 2) == "Comparing: 2 readers before you"


def script():
    import streamlit as st

    from shell.inference import on_worker

    st.text(on_worker("Working", st.session_state["work"]))


def test_a_page_that_waits_says_behind_how_many(monkeypatch):
    import shell.inference as inference

    worker, gate, said = Worker(), Gate(), []

    def said_once(what: str, before: int) -> str:
        said.append(_progress(what, before))
        gate.may_end.set()  # those before it are done as soon as the reader knows of them
        return said[-1]

    monkeypatch.setattr(inference, "the_worker", lambda: worker)
    monkeypatch.setattr(inference, "_QUIET_SECONDS", 0.01)
    monkeypatch.setattr(inference, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(inference, "_progress", said_once)
    worker.submit(gate)
    assert gate.begun.wait(10)
    app = AppTest.from_function(script, default_timeout=30)
    app.session_state["work"] = lambda: "made"
    app.run()
    assert app.text[0].value == "made"
    assert said[0] == "Working: 1 reader before you"
    assert not app.info  # the words go when the work is done


def test_a_session_that_left_takes_its_work_with_it(monkeypatch):
    import shell.inference as inference

    worker, gate, done = Worker(), Gate(), []
    monkeypatch.setattr(inference, "the_worker", lambda: worker)
    monkeypatch.setattr(inference, "_QUIET_SECONDS", 0.01)
    monkeypatch.setattr(inference, "_has_left", lambda: True)
    worker.submit(gate)
    assert gate.begun.wait(10)
    app = AppTest.from_function(script, default_timeout=30)
    app.session_state["work"] = lambda: done.append(1)
    app.run()
    assert not app.text
    gate.may_end.set()
    assert worker.submit(lambda: None).done.wait(10)
    assert done == []


def test_warming_up_loads_the_encoder_and_survives_a_bank_that_is_gone(
    bank_2d, monkeypatch, tmp_path
):
    from shell.inference import warm_up

    monkeypatch.setenv("MEDSIAM_REVIEW_BANK", str(tmp_path / "gone"))
    warm_up()
    monkeypatch.setenv("MEDSIAM_REVIEW_BANK", str(bank_2d.path))
    warm_up()
    assert the_bank()._own._loaded is not None
