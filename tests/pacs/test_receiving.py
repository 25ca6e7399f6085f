from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.pacs import ReceiverSettings
from medsiam.pacs.receiving import ReceivingProcess
from tests.pacs.peers import free_port, wait_for
from tests.pacs.test_receiver import sender
from tests.scans.written import dataset


@pytest.fixture
def process(tmp_path):
    said = []
    settings = ReceiverSettings(tmp_path, port=free_port(), min_free_bytes=1 << 20)
    made = ReceivingProcess(settings, said.append)
    made.said, made.port = said, settings.port
    made.start()
    yield made
    made.close()


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_it_receives_in_another_process_and_says_what_happens_there(process, tmp_path):
    assert process.pid != os.getpid()
    first, second = (dataset(np.full((8, 8), n, np.uint16)) for n in range(2))
    second.SOPInstanceUID = first.SOPInstanceUID
    second.file_meta.MediaStorageSOPInstanceUID = first.SOPInstanceUID
    with sender(process.port) as association:
        assert association.send_c_store(first).Status == 0
        assert association.send_c_store(second).Status == 0
    wait_for(lambda: process.said)
    assert "conflicts/" in process.said[0]


def test_another_one_takes_over_where_it_dies(process):
    first = process.pid
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not alive(first))
    time.sleep(1.0)
    process.restart_if_dead()
    assert process.pid != first
    with sender(process.port) as association:
        assert association.send_c_echo().Status == 0
    assert any("another begins" in line for line in process.said)


def test_it_ends_quickly_and_whatever_becomes_of_the_listener(process, tmp_path):
    pid, began = process.pid, time.monotonic()
    process.close()
    assert time.monotonic() - began < 5
    assert not alive(pid)
    code = (
        "import sys, time; from pathlib import Path; "
        "from medsiam.pacs.receiving import ReceivingProcess; "
        "from medsiam.pacs import ReceiverSettings; "
        f"one = ReceivingProcess(ReceiverSettings(Path({str(tmp_path / 'b')!r}), "
        f"port={free_port()}), print); one.start(); print(one.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not alive(child), seconds=10)


def test_a_port_in_use_is_told_from_over_there(process, tmp_path):
    second = ReceivingProcess(ReceiverSettings(tmp_path / "b", port=process.port), print)
    with pytest.raises(UsageError, match="in use"):
        second.start()
    assert second.pid is None
