"""Decoding in a process of its own: what a hostile or broken file can cost is one series.

A decoder that crashes, hangs or eats memory takes its process with it and not the run. The next
read starts a new one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time

from medsiam.errors import MedsiamError, ScanError
from medsiam.scans.decode import Request
from medsiam.scans.faults import fault
from medsiam.scans.pipes import Pipes
from medsiam.scans.scan import Scan
from medsiam.scans.wire import READY, Order, answer_of, empty_values, order_line, scan_of

WALL_SECONDS = 60.0
SECONDS_PER_FILE = 1.0
MEMORY_BYTES = 6 << 30
_START_SECONDS = 60.0
_LONGEST_LINE = 64 << 20
# The search path comes through the pipe: on the command line everybody could read it.
_START = (
    "import json, sys; hello = json.loads(sys.stdin.buffer.readline()); "
    "sys.path[:] = hello['path']; "
    "from medsiam.scans.serve import serve; serve(hello['memory_bytes'])"
)


class ReadingWorker:
    """One process that decodes scans, one after the other, for any number of threads.

    It is started by the first read and belongs to the process that made this object. It holds no
    more memory after a large scan than before it: arrays of that size go back to the system.

    Args:
        wall_seconds: a read may take so long, and `SECONDS_PER_FILE` more for each of its files.
        memory_bytes: ceiling on the address space of the process; never more than the computer has.
    """

    def __init__(
        self, *, wall_seconds: float = WALL_SECONDS, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        self._wall_seconds = wall_seconds
        self._memory_bytes = min(memory_bytes, _physical_memory())
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: Pipes | None = None

    def __enter__(self) -> ReadingWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that decodes; None where there is none at present."""
        process = self._process
        return None if process is None else process.pid

    def read(self, request: Request) -> Scan:
        """Decode in the other process.

        Raises:
            ScanError: for every fault; `reader_crashed`, `timed_out` and `too_large` where the file
                was too much for the decoder.
            MedsiamError: where the process cannot be started.
        """
        if self._owner != os.getpid():
            raise MedsiamError("a ReadingWorker cannot be used in a fork of its process")
        with self._lock:
            answer = self._ask(request)
        if isinstance(answer, ScanError):
            raise answer
        return answer

    def interrupt(self) -> None:
        """End a read that another thread waits for: it fails as `reader_crashed`."""
        process = self._process
        if process is not None and self._owner == os.getpid():
            process.kill()

    def close(self) -> None:
        """End the process; a later read starts another."""
        if self._owner != os.getpid():
            return
        with self._lock:
            self._end()
        atexit.unregister(self.close)

    def _ask(self, request: Request) -> Scan | ScanError:
        pipes = self._running()
        seconds = self._wall_seconds + SECONDS_PER_FILE * len(request.files)
        order = order_line(Order(request, _working_folder(), seconds))
        try:
            return _exchange(pipes, order, time.monotonic() + seconds)
        except TimeoutError:
            self._end()
            return fault("timed_out", request.path, f"no end of reading within {seconds:.0f} s")
        except MemoryError:
            self._end()
            return fault("too_large", request.path, "not enough memory to hold it")
        except Exception:  # no answer, or one that makes no sense
            how = self._how_it_ended()
            self._end()
            return fault("reader_crashed", request.path, f"the process that decodes it {how}")
        except BaseException:  # interrupted: what is still in the pipe is for no later read
            self._end()
            raise

    def _running(self) -> Pipes:
        if self._pipes is not None and self._process is not None and self._process.poll() is None:
            return self._pipes
        self._end()
        path = [folder for folder in sys.path if isinstance(folder, str)]
        hello = json.dumps({"path": path, "memory_bytes": self._memory_bytes})
        deadline = time.monotonic() + _START_SECONDS
        atexit.register(self.close)
        try:
            self._process = _start()
            pipes = Pipes(self._process)
            pipes.send(hello.encode("ascii") + b"\n", deadline)
            if pipes.line(len(READY), deadline) != READY:
                raise EOFError
        except (OSError, EOFError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else ""
            why = why or f"it {self._how_it_ended()}"
            self._end()
            raise MedsiamError(
                f"the process that reads scans cannot be started ({why}); "
                "see that this user may start processes and that memory is left"
            ) from error
        except BaseException:
            self._end()
            raise
        self._pipes = pipes
        return pipes

    def _how_it_ended(self) -> str:
        """Say how the process ended by itself: one that lives on talked nonsense, or nothing."""
        if self._process is None:
            return "is not there"
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "gave no sensible answer"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def _end(self) -> None:
        process, self._process, self._pipes = self._process, None, None
        if process is None:
            return
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: leave it
            process.wait(5)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


_WORKERS: dict[int, ReadingWorker] = {}


def read_in_worker(request: Request) -> Scan:
    """Decode in the one reading process of this process.

    Raises:
        ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
        MedsiamError: where the reading process cannot be started.
    """
    # By process id: a fork must not share its parent's pipes.
    return _WORKERS.setdefault(os.getpid(), ReadingWorker()).read(request)


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        # One core decodes one file; threads would only take address space and time to start.
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C is for the one who asks, who then ends this one
    )


def _exchange(pipes: Pipes, order: bytes, deadline: float) -> Scan | ScanError:
    """Send an order and take its answer.

    Raises:
        Exception: of any kind where no answer comes, or nonsense.
    """
    pipes.send(order, deadline)
    answer = answer_of(pipes.line(_LONGEST_LINE, deadline))
    if isinstance(answer, ScanError):
        return answer
    values = empty_values(answer)
    pipes.fill(values.data.cast("B"), deadline)
    return scan_of(answer, values)


def _working_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - a text is what is sent
    except OSError:
        return None


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return MEMORY_BYTES
