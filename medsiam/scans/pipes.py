"""Talking to another process through its pipes, with a deadline on every word."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from typing import IO

_PIPE_BYTES = 1 << 20
_READ_BYTES = 1 << 16


class Pipes:
    """The standard input and output of a child.

    Every method takes a deadline on the clock of `time.monotonic` and raises `TimeoutError` when it
    passes, `EOFError` or another `OSError` where the child has gone.

    Args:
        process: a child with pipes for both; nothing else may use them.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._to, to_ready = _ready_to(process.stdin, select.POLLOUT)
        self._from, from_ready = _ready_to(process.stdout, select.POLLIN)
        self._to_ready, self._from_ready = to_ready, from_ready
        self._rest = b""

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of it."""
        left = memoryview(data)
        while left:
            _wait(self._to_ready, deadline)
            left = left[os.write(self._to, left[:_PIPE_BYTES]) :]

    def line(self, longest: int, deadline: float) -> bytes:
        """Read up to and with the next line feed.

        Raises:
            ValueError: where there is none within `longest` bytes.
        """
        parts = [self._rest]
        n = len(self._rest)
        while b"\n" not in parts[-1]:
            if n > longest:
                raise ValueError("a line without end")
            _wait(self._from_ready, deadline)
            parts.append(os.read(self._from, _READ_BYTES))
            if not parts[-1]:
                raise EOFError
            n += len(parts[-1])
        found, feed, self._rest = b"".join(parts).partition(b"\n")
        return found + feed

    def fill(self, place: memoryview, deadline: float) -> None:
        """Read as many bytes as `place` holds, straight into it."""
        known = min(len(place), len(self._rest))
        place[:known], self._rest = self._rest[:known], self._rest[known:]
        left = place[known:]
        while left:
            _wait(self._from_ready, deadline)
            n = os.readv(self._from, [left])
            if not n:
                raise EOFError
            left = left[n:]


def _ready_to(stream: IO[bytes] | None, event: int) -> tuple[int, select.poll]:
    """Return the descriptor, which no longer blocks, and what tells that it has room or bytes."""
    assert stream is not None
    descriptor = stream.fileno()
    os.set_blocking(descriptor, False)
    with contextlib.suppress(ImportError, AttributeError, OSError):  # larger where Linux allows
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    ready = select.poll()
    ready.register(descriptor, event)
    return descriptor, ready


def _wait(ready: select.poll, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not ready.poll(1000 * left):
        raise TimeoutError
