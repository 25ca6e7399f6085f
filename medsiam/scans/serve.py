"""The process that decodes: orders come in through one pipe, answers leave through another.

Started by `medsiam.scans.worker`. It ends where the first pipe does, so it never outlives the
process that asks.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import signal
import sys
from typing import BinaryIO

from medsiam.errors import ScanError
from medsiam.scans.decode import decode
from medsiam.scans.faults import fault
from medsiam.scans.wire import READY, Order, fault_line, order_of, scan_answer

# The one who waits has given up by then: nobody needs a decoder that hangs.
_GRACE_SECONDS = 30


def serve(memory_bytes: int) -> None:
    """Answer orders until there are no more.

    Args:
        memory_bytes: ceiling on this process's address space.
    """
    _limit(memory_bytes)
    orders, answers = _private_pipes()
    with contextlib.suppress(BrokenPipeError), orders, answers:
        answers.write(READY)
        answers.flush()
        for line in orders:
            _answer(order_of(line), answers)
            answers.flush()


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the pipes away from the usual descriptors: decoders written in C print there."""
    orders = os.fdopen(os.dup(0), "rb")
    # The largest part of an answer is one write of the whole array: no buffer for it.
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for usual in (0, 1, 2):
        os.dup2(nothing, usual)
    sys.stdout = sys.stderr = io.StringIO()
    return orders, answers


def _answer(order: Order, answers: BinaryIO) -> None:
    """Write the scan or the fault; nothing is written before all of it is there."""
    _end_after(order.seconds)
    path = order.request.path
    values = memoryview(b"")
    try:
        _go_to(order.folder)
        line, values = scan_answer(decode(order.request))
    except ScanError as error:
        line = fault_line(error)
    except MemoryError:
        line = fault_line(fault("too_large", path, "not enough memory to read it"))
    answers.write(line)
    answers.write(values)


def _go_to(folder: str | None) -> None:
    if folder is not None:
        with contextlib.suppress(OSError):  # opening a relative path will say so
            os.chdir(folder)


def _end_after(seconds: float) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds) + _GRACE_SECONDS)


def _limit(memory_bytes: int) -> None:
    try:
        import resource
    except ImportError:  # a system without such limits
        return
    for kind, most in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        _, ceiling = resource.getrlimit(kind)
        allowed = most if ceiling == resource.RLIM_INFINITY else min(most, ceiling)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (allowed, allowed))
