"""The receiver in a process of its own: what hostile bytes may cost is that process.

It has a ceiling on memory, and ends when the listener does. Where it dies, another one takes over.
"""

from __future__ import annotations

import contextlib
import json
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medsiam.errors import MedsiamError, MissingExtraError, UsageError
from medsiam.pacs.receiver import Receiver, ReceiverSettings, Say

_MEMORY_BYTES = 4 << 30  # of address space; threads reserve much that they never use
_START_SECONDS = 60.0
_END_SECONDS = 3.0
_RESTART_SECONDS = 1.0
_ERRORS: dict[str, type[MedsiamError]] = {
    error.__name__: error for error in (UsageError, MissingExtraError)
}
# The search path comes through the pipe: on the command line everybody could read it.
_START = (
    "import json, sys; hello = json.loads(sys.stdin.readline()); sys.path[:] = hello['path']; "
    "from medsiam.pacs.receiving import receive; receive(hello['settings'])"
)


class ReceivingProcess:
    """A `Receiver` in another process.

    Args:
        settings: of the receiver.
        say: is given its sentences, in a thread of this object.
    """

    def __init__(self, settings: ReceiverSettings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0

    @property
    def pid(self) -> int | None:
        """The other process; None where there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises:
            UsageError: it cannot listen on the address.
            MissingExtraError: without the extra `pacs`.
            MedsiamError: it does not start.
        """
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the listener, which ends it in order
        )
        assert self._process.stdin is not None
        settings = {**asdict(self._settings), "folder": str(self._settings.folder)}
        self._process.stdin.write(json.dumps({"path": sys.path, "settings": settings}) + "\n")
        self._process.stdin.flush()
        first: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen_to, args=(self._process, first), daemon=True).start()
        try:
            answer = first.get(timeout=_START_SECONDS)
        except queue.Empty:
            answer = {}
        if not answer.get("ready"):
            self.close()
            kind = _ERRORS.get(answer.get("error", ""), MedsiamError)
            raise kind(answer.get("message") or "the process that receives does not start")

    def restart_if_dead(self) -> None:
        """Start another one where it has ended; at most once a second."""
        if self._process is None or self._process.poll() is None:
            return
        if time.monotonic() - self._started < _RESTART_SECONDS:
            return
        self._say(f"the process that receives ended ({self._process.returncode}); another begins")
        self.close()
        self.start()

    def close(self) -> None:
        """End it within a few seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _listen_to(
        self, process: subprocess.Popen[str], first: queue.Queue[dict[str, Any]]
    ) -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed while it was read
            for line in process.stdout:
                answer = json.loads(line)
                if "said" in answer:
                    self._say(answer["said"])
                else:
                    first.put(answer)
        first.put({})


def receive(settings: dict[str, Any]) -> None:
    """Run a receiver in this process until it is told to end, or the listener is gone."""
    limit = _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold patients' data
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    lock = threading.Lock()

    def answer(**document: object) -> None:
        with lock, contextlib.suppress(OSError):
            sys.stdout.write(json.dumps(document) + "\n")
            sys.stdout.flush()

    made = ReceiverSettings(
        **{**settings, "folder": Path(settings["folder"]), "allowed": tuple(settings["allowed"])}
    )
    receiver = Receiver(made, lambda text: answer(said=text))
    try:
        receiver.start()
    except MedsiamError as error:
        answer(error=type(error).__name__, message=str(error))
        return
    answer(ready=True)
    try:
        sys.stdin.read()  # ends with the listener
    finally:
        receiver.close()
