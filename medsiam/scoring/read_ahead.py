"""The next series are read and prepared while the encoder is busy with those before.

A thread for each process that reads: decoding runs there, beside the encoder, and each has at most
one series in hand until somebody has kept its outcome. So a run that is killed has lost no more
than one series for each of them, and memory has a ceiling.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from medsiam.errors import EncoderMismatchError, ScanError
from medsiam.scans import ReadingWorker, Scan, ScanSource
from medsiam.scoring.content import content_of, memory_for, stamp_of
from medsiam.scoring.settings import Limits

if TYPE_CHECKING:
    import torch

    from medsiam.preprocessing import Recipe

_SECONDS_TO_END = 2.5  # of all; who was interrupted waits for no computation


@dataclass(frozen=True)
class Reading:
    """What came of reading one series.

    Attributes:
        place: of the series among those that were asked for.
        content: hash of its files, where that was asked for and they stood still.
        known: its outcome is known already; nothing was read.
        taken: somebody else has it in hand; nothing was looked at.
        scan, tensor: as the encoder takes it; None where known or where there is a fault.
        fault: why it cannot be compared.
        done: to be called when its outcome is kept: its worker goes on.
    """

    place: int
    done: Callable[[], None] = field(repr=False)
    content: str | None = None
    known: bool = False
    taken: bool = False
    scan: Scan | None = None
    tensor: torch.Tensor | None = field(default=None, repr=False)
    fault: ScanError | EncoderMismatchError | None = None


class ReadAhead:
    """Reads series in several processes; use it in a `with` block, which ends them.

    Args:
        sources: to read, taken in this order.
        recipe: how they are prepared.
        limits: of time, memory and number.
        allow_resample: as for `ScanSource.read`.
        is_known: (place, content) -> whether the outcome is known; None: contents are not looked
            at, and everything is read.
        claim: place -> whether it is ours to read; asked before anything else.
        idle: processes that have nothing to read; they are taken from there, and put back.
    """

    def __init__(
        self,
        sources: Sequence[ScanSource],
        recipe: Recipe,
        *,
        limits: Limits,
        allow_resample: bool = False,
        is_known: Callable[[int, str], bool] | None = None,
        claim: Callable[[int], bool] | None = None,
        idle: list[ReadingWorker] | None = None,
    ) -> None:
        self._sources = sources
        self._recipe = recipe
        self._allow_resample = allow_resample
        self._is_known = is_known
        self._claim = claim
        self._idle = idle
        self._room = _Room(limits.waiting_bytes)
        self._ready: queue.SimpleQueue[Reading | BaseException] = queue.SimpleQueue()
        self._next = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        n = min(limits.workers, len(sources))
        self._workers = [
            idle.pop()
            if idle
            else ReadingWorker(wall_seconds=limits.wall_seconds, memory_bytes=limits.memory_bytes)
            for _ in range(n)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(worker,), daemon=True, name="medsiam-read")
            for worker in self._workers
        ]

    def __enter__(self) -> ReadAhead:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End every process at once, whatever it reads; those that are through may be put back."""
        self._stopped.set()
        self._room.open_for_all()
        until = time.monotonic() + _SECONDS_TO_END
        is_through = error[0] is None and self._next >= len(self._sources)
        for worker, thread in zip(self._workers, self._threads, strict=True):
            if is_through:
                thread.join(0.2)  # it has nothing left to do
            if thread.is_alive():
                worker.interrupt()
        for worker, thread in zip(self._workers, self._threads, strict=True):
            while thread.is_alive() and time.monotonic() < until:
                thread.join(0.02)
                worker.interrupt()  # again: it may just have been started
            if thread.is_alive():
                continue
            if self._idle is None:
                worker.close()
            else:
                self._idle.append(worker)

    def batches(self, most: int) -> Iterator[list[Reading]]:
        """Yield what is ready, in no certain order, until all sources are through.

        Each reading must be `done` before its worker reads on.

        Args:
            most: readings in one batch.

        Raises:
            MedsiamError: a process that reads cannot be started.
        """
        left = len(self._sources)
        while left:
            batch = [self._ready.get()]
            while len(batch) < min(most, left):
                try:
                    batch.append(self._ready.get_nowait())
                except queue.Empty:
                    break
            readings = [one for one in batch if isinstance(one, Reading)]
            for one in batch:
                if isinstance(one, BaseException):
                    raise one
            left -= len(readings)
            yield readings

    def _work(self, worker: ReadingWorker) -> None:
        while not self._stopped.is_set():
            # Who comes later does not go in before: an earlier one would wait for its room, and
            # whoever takes outcomes in order would wait for the earlier one.
            with self._lock:
                place, self._next = self._next, self._next + 1
                if place >= len(self._sources):
                    return
                source = self._sources[place]
                n_bytes = memory_for(source)
                self._room.enter(n_bytes)
            kept = threading.Event()
            try:
                self._ready.put(self._read(place, source, worker, kept.set))
            except BaseException as error:  # for the thread that waits, whatever it is
                self._ready.put(error)
                return
            while not kept.wait(0.2) and not self._stopped.is_set():
                pass
            self._room.leave(n_bytes)

    def _read(
        self, place: int, source: ScanSource, worker: ReadingWorker, done: Callable[[], None]
    ) -> Reading:
        content, before = None, None
        if self._claim is not None and not self._claim(place):
            return Reading(place, done, taken=True)
        if self._is_known is not None:
            before = stamp_of(source)
            content = content_of(source)
            if content is not None and self._is_known(place, content):
                return Reading(place, done, content, known=True)
        from medsiam.preprocessing import (
            picture_hash,
            prepare,
        )  # torch, for which nobody waits till here

        scan, tensor, fault = None, None, None
        try:
            scan = source.read(allow_resample=self._allow_resample, worker=worker)
            tensor = prepare(scan, self._recipe)
            # Both are remembered: so much less is left to do beside the encoder.
            _ = scan.content_hash, picture_hash(scan)
        except (ScanError, EncoderMismatchError) as error:
            fault = error
        if before is not None and stamp_of(source) != before:
            content = None  # somebody wrote to it: nobody knows which bytes were decoded
        return Reading(place, done, content, scan=scan, tensor=tensor, fault=fault)


class _Room:
    """Lets series in as long as they fit together; one that is too large goes in alone."""

    def __init__(self, n_bytes: int) -> None:
        self._all = n_bytes
        self._taken = 0
        self._inside = 0
        self._is_open = False
        self._changed = threading.Condition()

    def enter(self, n_bytes: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or self._fits(n_bytes))
            self._taken += n_bytes
            self._inside += 1

    def leave(self, n_bytes: int) -> None:
        with self._changed:
            self._taken -= n_bytes
            self._inside -= 1
            self._changed.notify_all()

    def open_for_all(self) -> None:
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def _fits(self, n_bytes: int) -> bool:
        return self._inside == 0 or self._taken + n_bytes <= self._all
