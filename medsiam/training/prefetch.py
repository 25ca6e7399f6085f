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
    never changes a result: what was made is found by all three arguments. One thread makes
    everything, so `make` may keep objects that no two threads can share; it ends with this object.
    """

    def __init__(
        self, make: Callable[[Indices, Indices, int], T], *, draw: Callable[[int], Indices]
    ) -> None:
        self._make = make
        self._draw = draw
        self._made: dict[tuple[int, bytes, bytes], Future[T]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="medsiam-prefetch")

    def __call__(self, positions: Indices, places: Indices, step: int) -> T:
        """Return `make(positions, places, step)`; the same object if asked twice within a step.

        Args:
            positions: (m,) which scans.
            places: (m,) their places in the batch of the step.
            step: counted from 0.
        """
        for key in [key for key in self._made if key[0] < step]:
            self._made.pop(key).cancel()
        wanted = self._order(positions, places, step)
        following = self._draw(step + 1)
        if len(places) and int(places.max()) < len(following):
            self._order(following[places], places, step + 1)
        return wanted.result()

    def _order(self, positions: Indices, places: Indices, step: int) -> Future[T]:
        key = (step, positions.tobytes(), places.tobytes())
        if key not in self._made:
            self._made[key] = self._thread.submit(self._make, positions, places, step)
        return self._made[key]
