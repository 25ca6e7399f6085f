"""Which series of a growing folder are to be scored: nothing of them changed for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class _State:
    """One series.

    Attributes:
        stamp: what changes where one of its files does.
        next: when it is to be looked after, by our own clock: those of disks may differ.
        settled: its outcome is kept, for this stamp.
    """

    stamp: Hashable
    next: float
    settled: bool = False


class Quiet:
    """Remembers since when each series is as it is.

    Args:
        seconds: a series is due when it did not change for so long.
        clock: seconds that never run backwards.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._series: dict[str, _State] = {}

    def see(self, stamps: Mapping[str, Hashable]) -> None:
        """Take in how all series are now; those that are no longer there are forgotten."""
        due = self._clock() + self._seconds
        before = self._series
        self._series = {
            name: known
            if (known := before.get(name)) is not None and known.stamp == stamp
            else _State(stamp, due)
            for name, stamp in stamps.items()
        }

    def due(self) -> list[str]:
        """Names of those whose time has come, the first of the folder first."""
        now = self._clock()
        return [n for n, one in self._series.items() if not one.settled and one.next <= now]

    @property
    def settled(self) -> frozenset[str]:
        """Names of those whose outcome is kept."""
        return frozenset(name for name, one in self._series.items() if one.settled)

    def settle(self, name: str) -> None:
        """Its outcome is kept: it is due again when it changes."""
        self._series[name] = replace(self._series[name], settled=True)

    def postpone(self, name: str, seconds: float) -> None:
        """Its outcome is somebody else's for now, or cannot be kept."""
        self._series[name] = replace(self._series[name], next=self._clock() + seconds)
