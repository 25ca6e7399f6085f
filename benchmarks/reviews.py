"""Claim: a verdict is kept durably in a moment, also in a bank that holds ten thousand.

python benchmarks/reviews.py [--reviews 10000]

The bank is filled by one transaction per review, as readers do it; timed are the last thousand.
Beside it stands what the disk alone takes: a write of one page and an fsync.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import write_result

from medsiam.bank.review_log import ReviewLog
from tests.bank.samples import make_review, make_store

TIMED = 1_000
ROUNDS = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=10_000)
    n_reviews = parser.parse_args().reviews
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        figures = measure(Path(folder), n_reviews)
    for name, value in figures.items():
        print(f"{name:36} {value}")
    write_result("reviews", figures)


def measure(folder: Path, n_reviews: int) -> dict[str, float]:
    store = make_store(folder)
    log = ReviewLog(store.reviews, store.facts)
    append = [
        timed(lambda i=i: log.append(make_review(f"reader {i % 7}", comment="margins alike")))
        for i in range(n_reviews)
    ]
    return {
        "reviews": n_reviews,
        **in_milliseconds("append", append[-TIMED:]),
        **in_milliseconds("append_to_empty", append[:TIMED]),
        **in_milliseconds("write_and_fsync", [timed(disk(folder)) for _ in range(TIMED)]),
        **in_milliseconds("verify", [timed(log.verify) for _ in range(ROUNDS)]),
        **in_milliseconds("read_all", [timed(read_all(store)) for _ in range(ROUNDS)]),
        **in_milliseconds("read_after_another", [timed(one_more(log)) for _ in range(TIMED)]),
        **in_milliseconds("read_again", [timed(log.all) for _ in range(TIMED)][1:]),
        "database_mb": round((folder / "bank.sqlite").stat().st_size / 1e6, 2),
    }


def read_all(store: object) -> Callable[[], object]:
    return lambda: ReviewLog(store.reviews, store.facts).all()


def one_more(log: ReviewLog) -> Callable[[], object]:
    log.append(make_review("another", comment="margins alike"))
    return log.all


def disk(folder: Path) -> Callable[[], object]:
    def write() -> None:
        with (folder / "page").open("wb") as stream:
            stream.write(b"x" * 4096)
            stream.flush()
            os.fsync(stream.fileno())

    return write


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_milliseconds(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        f"{name}_p50_ms": round(1e3 * statistics.median(ordered), 3),
        f"{name}_p95_ms": round(1e3 * ordered[int(0.95 * (len(ordered) - 1))], 3),
    }


if __name__ == "__main__":
    main()
