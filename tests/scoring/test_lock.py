from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from medsiam.errors import LockedError, OutputError
from medsiam.scoring.lock import LOCK, RunLock

HOLD = (
    "import sys, time; from pathlib import Path; from medsiam.scoring.lock import RunLock\n"
    "with RunLock(Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_and_told_by_whom(holder, tmp_path):
    with pytest.raises(LockedError, match=rf"process {holder.pid} on .*since 20") as caught:
        RunLock(tmp_path).__enter__()
    assert caught.value.exit_code == 8


def test_the_lock_of_a_run_that_was_killed_is_taken_over(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    assert (tmp_path / LOCK).is_file()  # it could not clean up
    with RunLock(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_it_can_be_taken_again_and_again(tmp_path):
    for _ in range(3):
        with RunLock(tmp_path):
            pass


@pytest.mark.parametrize("rest", ["", "{", "[]", "{}"])
def test_what_a_run_left_that_died_at_once_is_no_obstacle(tmp_path, rest):
    (tmp_path / LOCK).write_text(rest)
    with RunLock(tmp_path):
        pass


def test_the_lock_of_another_computer_is_left_to_people(tmp_path):
    (tmp_path / LOCK).write_text('{"pid": 1, "host": "elsewhere", "started": "2026-01-01"}')
    with pytest.raises(LockedError, match=r"process 1 on elsewhere.*remove"):
        RunLock(tmp_path).__enter__()
    assert "elsewhere" in (tmp_path / LOCK).read_text()


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError):
        RunLock(tmp_path / "none").__enter__()


def test_those_who_share_it_hold_it_together_and_the_last_one_takes_it_away(tmp_path):
    with RunLock(tmp_path, shared=True):
        with RunLock(tmp_path, shared=True), pytest.raises(LockedError):
            RunLock(tmp_path).__enter__()
        assert (tmp_path / LOCK).exists()
        with pytest.raises(LockedError):
            RunLock(tmp_path).__enter__()
    assert not (tmp_path / LOCK).exists()
    with RunLock(tmp_path), pytest.raises(LockedError):
        RunLock(tmp_path, shared=True).__enter__()


def test_another_computer_may_share_it_where_it_is_shared_there(tmp_path):
    said = {"pid": 1, "host": "elsewhere", "shared": True}
    (tmp_path / LOCK).write_text(json.dumps(said))
    with RunLock(tmp_path, shared=True):
        pass
    (tmp_path / LOCK).write_text(json.dumps(said | {"shared": False}))
    with pytest.raises(LockedError, match="elsewhere"):
        RunLock(tmp_path, shared=True).__enter__()
