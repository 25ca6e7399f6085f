"""How much memory a process and all below it hold."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path


class PeakMemory:
    """Watch the memory of a process and its children every few milliseconds."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid, self._over = pid, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.bytes = max(self.bytes, memory_of(self._pid))
            time.sleep(0.004)


def memory_of(pid: int) -> int:
    """Return the resident bytes of a process and all below it."""
    total = 0
    try:
        status = Path(f"/proc/{pid}/statm").read_text()
        total += int(status.split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                total += memory_of(int(child))
    except OSError:  # it has ended
        return total
    return total
