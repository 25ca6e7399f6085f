"""A writer of its own: adds cases one transaction at a time and says what is committed.

python -m tests.bank.writer_process BANK NAME COUNT PER_VERSION [partial]
"""

from __future__ import annotations

import sys

from tests.bank.samples import FINGERPRINT, make_record, open_store


def main(database: str, name: str, count: str, per_version: str, how: str = "") -> None:
    store = open_store(database)
    for i in range(int(count)):
        records = [make_record(f"{name}-{i}-{j}") for j in range(int(per_version))]
        store.add(records, encoder_fingerprint=FINGERPRINT, partial=how == "partial")
        print("committed", f"{name}-{i}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
