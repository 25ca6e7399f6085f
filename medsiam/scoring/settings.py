"""What a run is asked to do, and what one series may cost."""

from __future__ import annotations

import os
from dataclasses import dataclass

from medsiam.comparison.result import Rule
from medsiam.comparison.settings import Settings
from medsiam.errors import UsageError

_MOST_WORKERS = 16


@dataclass(frozen=True)
class Question:
    """What each series is asked. Checked when it is made.

    Attributes:
        k: matches to list.
        metric: as in `compare`.
        rule: as in `compare`.
        allow_resample: fill gaps between slices by interpolation instead of failing; the query's
            warnings of such a comparison say so.

    Raises:
        UsageError: for a k below 1, or an unknown metric or rule.
    """

    k: int = 5
    metric: str | None = None
    rule: Rule | None = None
    allow_resample: bool = False

    def __post_init__(self) -> None:
        Settings(self.k, self.metric, self.rule)


@dataclass(frozen=True)
class Limits:
    """What the reading of one series may cost, and how many are read at once.

    Attributes:
        wall_seconds: to read a series, and one more for each of its files.
        memory_bytes: address space of each process that reads.
        workers: such processes; each has at most one series in hand, from its first byte until its
            outcome is kept.
        waiting_bytes: what all series in hand may take together, as far as their files tell; one
            that is larger goes alone.

    Raises:
        UsageError: for a limit that lets nothing through.
    """

    wall_seconds: float = 30.0
    memory_bytes: int = 4 << 30
    workers: int = 0
    waiting_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.workers == 0:
            object.__setattr__(self, "workers", min(_cores() + 2, _MOST_WORKERS))
        if self.wall_seconds <= 0 or self.workers < 1:
            raise UsageError("the time for a series and the number of workers must be above 0")
        if self.memory_bytes < 512 << 20:
            raise UsageError("a process that reads needs at least 0.5 GiB of address space")


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
