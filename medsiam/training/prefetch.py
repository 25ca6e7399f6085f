"""The next step's input is made in a thread of its own while the network works on this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
T = TypeVar("T")


class Prefetch(Generic[T]):
    """A pure function of (positions, places, step), computed one step ahead of its use.

    Whatever is asked for at one step will be asked for at the next one too, with the positions
    that `draw` gives then. So each call also orders its successor. A wrong guess costs time and
    never changes a result: what was made for other positions is made again. One thread makes
    everything, so `make` may keep objects that no two threads can share; it ends with this object.
    """

    def __init__(
        self, make: Callable[[Indices, Indices, int], T], *, draw: Callable[[int], Indices]
    ) -> None:
        self._make = make
        self._draw = draw
        self._ordered: dict[tuple[int, bytes], Future[tuple[Indices, T] | None]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="medsiam-prefetch")

    def __call__(self, positions: Indices, places: Indices, step: int) -> T:
        """Return `make(positions, places, step)`; the same object if asked twice within a step.

        Args:
            positions: (m,) which scans.
            places: (m,) their places in the batch of the step.
            step: counted from 0.
        """
        for key in [key for key in self._ordered if key[0] < step]:
            self._ordered.pop(key).cancel()
        key = (step, places.tobytes())
        ahead = self._ordered.get(key)
        if ahead is None or not _is_of(ahead.result(), positions):
            ahead = self._thread.submit(self._pair, positions, places, step)
            self._ordered[key] = ahead
        following = (step + 1, places.tobytes())
        if following not in self._ordered:
            self._ordered[following] = self._thread.submit(self._guess, places, step + 1)
        made = ahead.result()
        assert made is not None  # only a guess can be nothing
        return made[1]

    def _guess(self, places: Indices, step: int) -> tuple[Indices, T] | None:
        drawn = self._draw(step)
        if len(places) == 0 or int(places.max()) >= len(drawn):
            return None
        return self._pair(drawn[places], places, step)

    def _pair(self, positions: Indices, places: Indices, step: int) -> tuple[Indices, T]:
        return positions, self._make(positions, places, step)


def _is_of(made: tuple[Indices, T] | None, positions: Indices) -> bool:
    return made is not None and np.array_equal(made[0], positions)
