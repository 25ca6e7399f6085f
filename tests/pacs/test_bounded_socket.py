"""Senders that stop, each on a real line."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from tests.pacs.peers import wait_for
from tests.pacs.test_receiver import PIXELS, receiving, sender
from tests.scans.written import dataset


def closed(line, within):
    line.settimeout(within)
    try:
        while line.recv(1 << 12):
            pass
    except ConnectionResetError:
        pass
    return True


def stores(port):
    with sender(port) as association:
        if association.is_rejected:
            return False
        assert association.send_c_store(dataset(PIXELS)).Status == 0
        return True


@pytest.mark.parametrize("sent", [b"\x04", b"\x04\0\0\0\x10\0half"], ids=["head", "body"])
def test_a_sender_that_stops_amid_a_pdu_is_ended_and_gives_its_place_back(tmp_path, sent):
    with receiving(tmp_path, idle_seconds=1.0, max_associations=1) as (port, _):
        with sender(port) as association:
            line = association.dul.socket.socket
            line.sendall(sent)
            wait_for(lambda: not association.is_established, seconds=5)
        wait_for(lambda: stores(port), seconds=5)  # its thread ends a moment later


def test_a_sender_that_stops_before_it_has_said_who_it_is_is_ended(tmp_path):
    with (
        receiving(tmp_path, idle_seconds=1.0) as (port, _),
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.sendall(b"\x01\0\0\0\x02\0half")
        assert closed(line, within=5)


def test_a_sender_that_trickles_is_ended_as_well(tmp_path):
    end = threading.Event()

    def trickle(line):
        with contextlib.suppress(OSError):
            while not end.wait(0.2):
                line.sendall(b"x")

    with (
        receiving(tmp_path, idle_seconds=1.0) as (port, _),
        socket.create_connection(("127.0.0.1", port)) as line,
    ):
        line.sendall(b"\x01\0\0\0\x02\0")
        began = time.monotonic()
        thread = threading.Thread(target=trickle, args=(line,))
        thread.start()
        assert closed(line, within=5)
        assert time.monotonic() - began < 4
        end.set()
        thread.join()


def test_a_slow_pdu_that_is_there_in_time_is_taken(tmp_path):
    with receiving(tmp_path, idle_seconds=3.0) as (port, _), sender(port) as association:
        sock = association.dul.socket.socket

        class Slow:
            def __getattr__(self, name):
                return getattr(sock, name)

            def send(self, data):
                time.sleep(0.15)
                return sock.send(data[: max(1, len(data) // 2)])

        association.dul.socket.socket = Slow()
        assert association.send_c_store(dataset(PIXELS)).Status == 0
        association.dul.socket.socket = sock
