"""Real watchers: a folder that grows, several of them at it, one that is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import LockedError, UsageError
from medsiam.scans import index_folder
from medsiam.scoring import Limits, Question, read_run, run_scoring, watch_folder
from medsiam.scoring.claims import CLAIMS
from tests.scans.written import write_stack
from tests.scoring.conftest import TWO, read_csv

ROOT = Path(__file__).parents[2]


def series(folder, number, n=8):
    volume = np.random.default_rng(number).integers(0, 900, (n, 16, 16)).astype(np.uint16)
    uid = f"1.2.826.0.1.3680043.8.498.9.{number}"
    how = {"PatientID": f"SYN-W-{number}", "StudyInstanceUID": uid, "series": f"{uid}.1"}
    return write_stack(folder / f"{number:03d}", volume, **how)


class Watcher:
    """A watcher in a process of its own, with its log."""

    def __init__(self, folder, bank, out, log, *options):
        self.log = log
        words = ["score", str(folder), "--bank", str(bank.path), "--out", str(out), "-k", "2"]
        words += ["--watch", "--workers", "2", "--quiet-seconds", "1", "--log-json", str(log)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "medsiam", *words, *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def events(self, name="series"):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("}")]
        return [event for event in found if event["event"] == name]

    def new(self):
        return [event["series"] for event in self.events() if not event["known"]]

    def end(self, number=signal.SIGTERM):
        began = time.monotonic()
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=30)
        return said, time.monotonic() - began


@contextmanager
def watching(folder, bank, out, log, *options):
    watcher = Watcher(folder, bank, out, log, *options)
    try:
        yield watcher
    finally:
        watcher.process.kill()
        watcher.process.wait()
        watcher.process.stderr.close()


def wait_for(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def table(out):
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "created"} for row in rows]


def manifest(out):
    return read_csv(out / "manifest.csv") if (out / "manifest.csv").is_file() else []


def queries(out):
    return {row["query"] for row in table(out)} if (out / "results.jsonl").is_file() else set()


def has(out, n_series, n_files=None):
    """Whether the results are of so many series, and of all their files."""
    n_files = 8 * n_series if n_files is None else n_files
    return len(queries(out)) == n_series and len(manifest(out)) == n_files


def plain(folder, bank, out):
    run_scoring(index_folder(folder), bank, out, Question(k=2), limits=TWO)
    return table(out)


def test_a_folder_that_grows_is_scored_as_it_grows_and_ends_as_one_run_would(
    phantom_bank, incoming, tmp_path
):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("words")
    with watching(folder, phantom_bank, out, tmp_path / "log") as watcher:
        wait_for(lambda: (out / "summary.html").exists())  # of an empty folder
        assert table(out) == []
        series(folder, 1)
        wait_for(lambda: len(queries(out)) == 1)
        staged = tmp_path / "staged"
        for path in incoming.iterdir():  # as a sender does: write beside it, rename into place
            target = staged / path.name
            target.parent.mkdir(exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)
            target.rename(folder / path.name)
        n_before = len(list(folder.rglob("*")))
        wait_for(lambda: has(out, 6, len(index_files(folder))))
        wait_for(lambda: read_run(out).state == "finished")
        said, seconds = watcher.end()
    assert watcher.process.returncode == 130
    is_crowded = os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
    assert seconds < (20 if is_crowded else 5)
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert len(list(folder.rglob("*"))) == n_before
    assert Counter(watcher.new()).most_common(1)[0][1] == 1
    assert watcher.events("ended")[0]["exit_code"] == 130
    assert not (out / "run.lock").exists()
    assert not list((out / CLAIMS).iterdir())
    assert table(out) == plain(folder, phantom_bank, tmp_path / "plain")
    assert read_csv(out / "manifest.csv") == read_csv(tmp_path / "plain" / "manifest.csv")


def index_files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_two_watchers_score_each_series_exactly_once(phantom_bank, tmp_path):
    folder, out, later = tmp_path / "in", tmp_path / "out", tmp_path / "later"
    folder.mkdir()
    for number in range(30):
        series(later, number)
    with ExitStack() as stack:
        watchers = [
            stack.enter_context(watching(folder, phantom_bank, out, tmp_path / f"log{n}"))
            for n in (1, 2)
        ]
        wait_for(lambda: all(watcher.events("refreshed") for watcher in watchers))
        for path in sorted(later.iterdir()):
            path.rename(folder / path.name)
        wait_for(lambda: len(list(out.glob("parts/*.jsonl"))) >= 5)
        for number in range(30, 44):
            series(folder, number)
        wait_for(lambda: has(out, 44))
        wait_for(lambda: all(len(watcher.events()) == 44 for watcher in watchers))
        for watcher in watchers:
            watcher.end()
    shares = [watcher.new() for watcher in watchers]
    assert all(len(share) >= 2 for share in shares)  # both worked
    assert sorted(shares[0] + shares[1]) == sorted(queries(out))  # none twice, none left
    assert not (out / "run.lock").exists()
    assert table(out) == plain(folder, phantom_bank, tmp_path / "plain")
    assert manifest(out) == manifest(tmp_path / "plain")


def test_what_a_killed_watcher_had_in_hand_is_taken_over(phantom_bank, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(40):
        series(folder, number)
    with ExitStack() as stack:

        def start(number):
            log = tmp_path / f"log{number}"
            return stack.enter_context(watching(folder, phantom_bank, out, log))

        one = start(1)
        wait_for(lambda: len(one.new()) >= 3)
        held = set()
        while not held:  # stop it where it has something in hand that it did not keep
            one.process.send_signal(signal.SIGSTOP)
            held = {path.name for path in (out / CLAIMS).iterdir() if _is_of(path, one.process.pid)}
            held -= {"results", *(path.stem for path in out.glob("parts/*.jsonl"))}
            if not held:
                one.process.send_signal(signal.SIGCONT)
                time.sleep(0.01)
        two = start(2)
        wait_for(lambda: len(list(out.glob("parts/*.jsonl"))) >= 40 - len(held))
        time.sleep(2)
        assert not held & set(two.new())  # as long as it lives, its series are its own
        one.process.kill()
        wait_for(lambda: has(out, 40))
        wait_for(lambda: len(two.events()) == 40)
        two.end()
    assert held <= set(two.new())
    done = Counter(one.new() + two.new())
    assert done.most_common(1)[0][1] == 1
    # Between keeping an outcome and its line in the log there is a moment, too.
    assert len(queries(out) - done.keys()) <= 1
    assert not list((out / CLAIMS).iterdir())
    assert table(out) == plain(folder, phantom_bank, tmp_path / "plain")


def _is_of(path, pid):
    try:
        return json.loads(path.read_text())["pid"] == pid
    except (OSError, ValueError):
        return False


def test_a_series_that_grows_is_scored_again_and_one_that_goes_keeps_its_results(
    phantom_bank, tmp_path
):
    folder, out, rest = tmp_path / "in", tmp_path / "out", tmp_path / "rest"
    files = series(folder, 1)
    series(folder, 2)
    rest.mkdir()
    for file in [files[0], *files[5:]]:
        file.rename(rest / file.name)
    with watching(folder, phantom_bank, out, tmp_path / "log") as watcher:
        wait_for(lambda: has(out, 2, 8 + 4))
        before = {row["query"]: row["query_hash"] for row in table(out)}
        for file in sorted(rest.iterdir()):  # the first of them gives the series another name
            file.rename(files[0].parent / file.name)
        wait_for(lambda: has(out, 2))
        after = {row["query"]: row["query_hash"] for row in table(out)}
        assert len(after) == 2
        assert len(set(before.values()) & set(after.values())) == 1  # of the one that stayed
        shutil.rmtree(folder / "002")  # the sender cleans up
        series(folder, 3)
        wait_for(lambda: has(out, 3))
        assert watcher.process.poll() is None
        watcher.end()
    assert len(list(out.glob("parts/*"))) == 3
    outcomes = {row["outcome"] for row in manifest(out)}
    assert outcomes == {"scored"}


def manifest_files(out):
    return [row["path"] for row in manifest(out)]


def test_a_slow_copy_is_left_alone_until_it_is_whole(phantom_bank, tmp_path):
    folder, out, source = tmp_path / "in", tmp_path / "out", tmp_path / "source"
    files = series(source, 1)
    (folder / "001").mkdir(parents=True)
    with watching(folder, phantom_bank, out, tmp_path / "log") as watcher:
        for file in files:
            data = file.read_bytes()
            with (folder / "001" / file.name).open("wb") as target:
                for start in range(0, len(data), len(data) // 3 + 1):
                    target.write(data[start : start + len(data) // 3 + 1])
                    target.flush()
                    time.sleep(0.2)
        wait_for(lambda: has(out, 1))
        watcher.end()
    (event,) = watcher.events()
    assert event["outcome"] == "scored"
    assert len(manifest_files(out)) == 8


def test_it_goes_on_where_it_was_and_nothing_is_done_twice(phantom_bank, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(6):
        series(folder, number)
    news = []
    for number in (signal.SIGKILL, signal.SIGINT):
        log = tmp_path / f"log{number}"
        with watching(folder, phantom_bank, out, log) as watcher:
            wait_for(lambda: len(list(out.glob("parts/*.jsonl"))) >= 2)
            if number == signal.SIGINT:
                wait_for(lambda: has(out, 6))
            watcher.end(number)
        news += watcher.new()
    assert len(news) <= 6
    assert len(set(news)) == len(news)
    assert table(out) == plain(folder, phantom_bank, tmp_path / "plain")


def test_watchers_share_with_their_like_alone(phantom_bank, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    series(folder, 1)
    with watching(folder, phantom_bank, out, tmp_path / "log"):
        wait_for(lambda: len(queries(out)) == 1)
        with pytest.raises(LockedError, match="another run writes here"):
            plain(folder, phantom_bank, out)
        with pytest.raises(UsageError, match=r"another watcher .* differs in settings"):
            watch_folder(folder, phantom_bank, out, Question(k=1))
        with pytest.raises(UsageError, match="no folder that could grow"):
            watch_folder(folder / "001" / "0.dcm", phantom_bank, tmp_path / "o")


def test_what_reads_stays_warm_from_look_to_look(phantom_bank, tmp_path):
    folder, pids, before = tmp_path / "in", [], _children()
    series(folder, 1)

    def seen(part, known):
        pids.append(_children() - before)
        if len(pids) < 3:
            series(folder, len(pids) + 1)

    watch_folder(
        folder,
        phantom_bank,
        tmp_path / "out",
        limits=Limits(workers=1),
        quiet_seconds=0.2,
        seen=seen,
        until=lambda: len(pids) == 3,
    )
    assert len(pids[0]) == 1
    assert pids[0] == pids[1] == pids[2]
    assert _children() <= before


def _children():
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for path in listed for pid in path.read_text().split()}
