"""The first signal asks, the second stops; afterwards everything is as before."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from medsiam.training.stopping import stop_requests


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_asks_second_stops(number):
    before = signal.getsignal(number)
    said = []
    with stop_requests(lambda: said.append(1)) as request:
        assert not request.made
        os.kill(os.getpid(), number)
        assert request.made
        assert said == [1]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_another_thread_runs_without():
    found = []

    def work():
        with stop_requests(lambda: None) as request:
            found.append(request.made)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
