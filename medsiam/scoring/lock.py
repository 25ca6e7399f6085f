"""One run at a time in an output folder; the lock of a run that died is no obstacle."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from medsiam.errors import LockedError, OutputError

LOCK = "run.lock"


class RunLock:
    """Holds a folder for as long as a `with` block lasts.

    The system itself holds the lock for the process and lets go of it when the process ends,
    however it ends. The file also says who holds it, for people and for other computers that share
    the disk, where the system's own lock may not reach.

    Args:
        out: an existing folder.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / LOCK
        self._handle: int | None = None

    def __enter__(self) -> RunLock:
        """Take the lock.

        Raises:
            LockedError: another run (or listener) has it.
            OutputError: the folder cannot be written.
        """
        try:
            self._handle = self._take()
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def _take(self) -> int:
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                holder = _said(handle)
                if holder.get("host", socket.gethostname()) != socket.gethostname():
                    raise self._refusal(holder, elsewhere=True)
                if _is_at(handle, self._path):
                    _say(handle)
                    return handle
            except BlockingIOError:
                refusal = self._refusal(_said(handle), elsewhere=False)
                os.close(handle)
                raise refusal from None
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # its holder took the file away as it ended: there is a new one

    def _refusal(self, holder: dict[str, Any], *, elsewhere: bool) -> LockedError:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
        since = f", since {holder['started']}" if "started" in holder else ""
        what = "wait for it, or choose another --out"
        if elsewhere:
            what = f"if that run has ended, remove {self._path}; else {what}"
        return LockedError(f"{self._path.parent}: another run writes here ({who}{since}); {what}")


def _said(handle: int) -> dict[str, Any]:
    """What the file says of its holder; a run that died early says nothing."""
    try:
        document = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _say(handle: int) -> None:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    said = {"pid": os.getpid(), "host": socket.gethostname(), "started": started}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(said).encode() + b"\n", 0)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
