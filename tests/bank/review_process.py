"""A reader of its own: keeps verdicts, says the number of each, and may die right after.

python -m tests.bank.review_process BANK READER COUNT [die]
"""

from __future__ import annotations

import os
import signal
import sys

from medsiam.bank.review_log import ReviewLog
from tests.bank.samples import make_review, open_store


def main(database: str, reader: str, count: str, then: str = "") -> None:
    store = open_store(database)
    log = ReviewLog(store.reviews, store.facts)
    for _ in range(int(count)):
        number = log.append(make_review(reader)).number
        if then == "die":
            os.write(1, f"{number}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
