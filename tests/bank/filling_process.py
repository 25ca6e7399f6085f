"""A writer of its own that adds cases until the disk is full, and says how that ended.

python -m tests.bank.filling_process BANK.sqlite [MOST_BYTES]

Adds two cases per version. With MOST_BYTES the operating system lets no file of this process grow
beyond it, which is a full disk as far as SQLite can tell.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from medsiam.bank.sqlite_store import SqliteStore
from medsiam.errors import MedsiamError
from tests.bank.samples import add

_MOST_VERSIONS = 5_000


def main(database: str, most_bytes: str | None = None) -> None:
    store = SqliteStore.open(Path(database))
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most_bytes), resource.RLIM_INFINITY))
    first = store.version()
    n_added, ended = 0, None
    try:
        while n_added < _MOST_VERSIONS:
            add(store, f"{first + n_added}-a", f"{first + n_added}-b")
            n_added += 1
    except MedsiamError as error:
        ended = {"error": type(error).__name__, "code": error.exit_code, "message": str(error)}
    print(json.dumps({"versions": n_added, "ended": ended, "seen": len(store.read().cases)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
