"""Kill writers of a bank at random moments; count what was lost.

python -m tests.campaigns.bank_kills [--kills 200] [--seed 0]

A process without threads forks each writer, so that a kill costs milliseconds, not an interpreter
start.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from medsiam.bank.sqlite_store import SqliteStore
from tests.bank.samples import add, make_store

LONGEST_WAIT = 0.03  # seconds between the last awaited acknowledgement and the kill


def run(folder: Path, kills: int, seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    database = folder / "bank.sqlite"
    make_store(folder)
    kept = 0
    acknowledged: set[str] = set()
    counts = {"kills": kills, "corrupt": 0, "lost": 0, "halves": 0}
    for kill in range(kills):
        said = _die_writing(lambda say, k=kill: _write(database, k, say), chance)
        acknowledged |= {line.removeprefix("added ") for line in said if line.startswith("added ")}
        acknowledged -= {line.removeprefix("removes ") for line in said}
        kept += sum(line == "calibrated" for line in said)
        try:
            store = SqliteStore.open(database)
            store.check_whole()
            snapshot = store.read()
        except Exception as error:  # any failure to open is what this campaign looks for
            print(f"kill {kill}: {error}", file=sys.stderr)
            counts["corrupt"] += 1
            continue
        held = {case.case_id for case in snapshot.cases}
        counts["lost"] += len(acknowledged - held) + max(0, kept - len(store.calibrations()))
        # Two cases per version: one without the other is half a version.
        counts["halves"] += sum(_partner(case_id) not in held for case_id in held)
    with closing(sqlite3.connect(database)) as connection:
        verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
        counts["corrupt"] += verdict != "ok"
    return counts | {"acknowledged": len(acknowledged), "held": len(held), "calibrations": kept}


def _partner(case_id: str) -> str:
    return case_id[:-1] + {"a": "b", "b": "a"}[case_id[-1]]


def _write(database: Path, kill: int, say: Callable[[str], None]) -> None:
    """Add, remove and calibrate without end, and say each as soon as it is committed.

    A removal is announced before: it may be committed when the kill comes, or not.
    """
    store = SqliteStore.open(database)
    for i in range(10_000):
        pair = [f"{kill}-{i}-a", f"{kill}-{i}-b"]
        add(store, *pair)
        for case_id in pair:
            say(f"added {case_id}")
        if i % 3 == 1:
            for case_id in pair:
                say(f"removes {case_id}")
            store.remove(pair)
        if i % 3 == 2:
            store.keep_calibration("{}", bank_version=0, who=None)
            say("calibrated")


def _die_writing(
    write: Callable[[Callable[[str], None]], None], chance: random.Random
) -> list[str]:
    """Run a writer in a fork, kill it, and return what it had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write(lambda text: os.write(writing, f"{text}\n".encode()) and None)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    for _ in range(chance.randrange(10)):  # 0: the kill may come while the writer still opens
        said += os.read(reading, 4096)
    time.sleep(chance.uniform(0, LONGEST_WAIT))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the writer ended before it was killed"
    with os.fdopen(reading, "rb") as stream:
        lines = (said + stream.read()).decode().split("\n")
    return lines[:-1]  # what follows the last line break was not said in full


def main() -> None:
    from benchmarks.machine import write_result

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the counts and write no file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), args.kills, args.seed)
    if args.json:
        print(json.dumps(counts))
        return
    for name, count in counts.items():
        print(f"{name:14} {count:8}")
    write_result("bank_kills", counts)


if __name__ == "__main__":
    main()
