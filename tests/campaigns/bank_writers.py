"""Two writers and four readers of one bank at once; count what is lost and what is half.

python -m tests.campaigns.bank_writers [--adds 500] [--seconds 60]

Each writer adds one case per version. When both have done so, one of them goes on until the time is
up, so that the readers always have somebody beside them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from medsiam.bank.sqlite_store import SqliteStore
from tests.bank.samples import add, make_record, make_store, vector_of

WRITERS = ("a", "b")
N_READERS = 4


def run(folder: Path, adds: int, seconds: float) -> dict[str, float]:
    database = folder / "bank.sqlite"
    make_store(folder)
    spawn = multiprocessing.get_context("spawn")
    done, results = spawn.Event(), spawn.SimpleQueue()
    started = time.monotonic()
    readers = [
        spawn.Process(target=_read, args=(database, done, results)) for _ in range(N_READERS)
    ]
    writers = [spawn.Process(target=_write, args=(database, name, adds)) for name in WRITERS]
    for process in (*readers, *writers):
        process.start()
    for writer in writers:
        writer.join()
    seconds_writing = time.monotonic() - started
    store = SqliteStore.open(database)
    n_written = len(store.read().cases)
    more = 0
    while time.monotonic() - started < seconds:
        add(store, f"more-{more}")
        more += 1
    done.set()
    seen = [results.get() for _ in readers]
    for reader in readers:
        reader.join()
    store.check_whole()
    wanted = {f"{name}-{i}" for name in WRITERS for i in range(adds)}
    return {
        "adds_each": adds,
        "cases_of_two_writers": n_written,
        "lost": len(wanted - {case.case_id for case in store.read().cases}),
        "writers_failed": sum(writer.exitcode != 0 for writer in writers),
        "seconds_of_two_writers": round(seconds_writing, 1),
        "added_meanwhile": more,
        "readers": len(readers),
        "reads": sum(reads for reads, _, _ in seen),
        "fewest_versions_seen": min(versions for _, versions, _ in seen),
        "not_whole": sum(faults for _, _, faults in seen),
        "seconds": round(time.monotonic() - started, 1),
    }


def _write(database: Path, name: str, adds: int) -> None:
    store = SqliteStore.open(database)
    for i in range(adds):
        add(store, f"{name}-{i}")


def _read(database: Path, done: Event, results: object) -> None:
    """Read whole versions until told to stop; a version holds as many cases as its number says."""
    expected: dict[str, tuple[object, bytes]] = {}
    versions: set[int] = set()
    reads = faults = 0
    while not done.is_set():
        reads += 1
        try:
            snapshot = SqliteStore.open(database).read()
        except Exception as error:  # any failure is what this campaign looks for
            print(f"read {reads}: {error}", file=sys.stderr)
            faults += 1
            continue
        for case in snapshot.cases:
            if case.case_id not in expected:
                right = make_record(case.case_id).case, vector_of(case.case_id).tobytes()
                expected[case.case_id] = right
        found = zip(snapshot.cases, (row.tobytes() for row in snapshot.embeddings), strict=True)
        whole = all((case, vector) == expected[case.case_id] for case, vector in found)
        backwards = bool(versions) and snapshot.version < max(versions)
        faults += not whole or backwards or len(snapshot.cases) != snapshot.version
        versions.add(snapshot.version)
    results.put((reads, len(versions), faults))  # type: ignore[attr-defined]


def main() -> None:
    from benchmarks.machine import write_result

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adds", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", action="store_true", help="print the counts and write no file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = run(Path(folder), args.adds, args.seconds)
    if args.json:
        print(json.dumps(counts))
        return
    for name, count in counts.items():
        print(f"{name:24} {count:8}")
    write_result("bank_writers", counts)


if __name__ == "__main__":
    main()
