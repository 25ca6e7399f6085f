"""A writer of its own: adds cases one transaction at a time and says what is committed.

python -m tests.bank.writer_process BANK.sqlite NAME COUNT PER_VERSION
"""

from __future__ import annotations

import sys
from pathlib import Path

from medsiam.bank.sqlite_store import SqliteStore
from tests.bank.samples import add


def main(database: str, name: str, count: str, per_version: str) -> None:
    store = SqliteStore.open(Path(database))
    for i in range(int(count)):
        add(store, *(f"{name}-{i}-{j}" for j in range(int(per_version))))
        print("committed", f"{name}-{i}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
