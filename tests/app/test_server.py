"""What is served beside the pages, and to whom."""

from __future__ import annotations

import signal
import socket

import pytest

from tests.app.serving import answer_of, review


@pytest.fixture(scope="module")
def server(bank_3d):
    with review(bank_3d) as started:
        yield started


def test_it_listens_on_this_computer_only(server):
    _, port = server
    assert answer_of(port, "/_stcore/health") == 200
    # A socket bound to every interface would answer on all of 127.0.0.0/8.
    with socket.socket() as other:
        other.settimeout(3)
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_other_names_and_the_agent_door_are_refused(server):
    _, port = server
    assert answer_of(port, "/_stcore/stream", host=f"127.0.0.1:{port}") == 101
    assert answer_of(port, "/_stcore/stream", host="evil.example") == 403
    assert answer_of(port, "/_stcore/agent/interact", method="POST") == 403


def test_control_c_ends_it_and_leaves_nothing_running(bank_2d):
    with review(bank_2d) as (process, port):
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) in (0, 130)
    assert "Traceback" not in rest
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
