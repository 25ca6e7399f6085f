"""SIGINT and SIGTERM ask a run to stop after the step it is in."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked the run to stop."""

    def __init__(self, said: Callable[[], None]) -> None:
        self.made = False
        self._said = said

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Take a signal; the second one stops at once, wherever the run is."""
        if self.made:
            raise KeyboardInterrupt
        self.made = True
        self._said()


@contextmanager
def stop_requests(said: Callable[[], None]) -> Iterator[StopRequest]:
    """Listen for signals while the block runs (only the main thread of a process can).

    Args:
        said: called at the first one.
    """
    request = StopRequest(said)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
