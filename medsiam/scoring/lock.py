"""Who writes to an output folder, or has a series in hand; the lock of what died is no obstacle."""

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


class FileLock:
    """Holds a file for as long as a `with` block lasts.

    The system itself holds the lock for the process and lets go of it when the process ends,
    however it ends. The file also says who holds it, for people and for other computers that share
    the disk, where the system's own lock may not reach.

    Args:
        path: of the file, in an existing folder; it is there while somebody holds the lock.
        what: is said of who holds it: "another run writes here".
        shared: others that share it may hold it at the same time.
    """

    def __init__(self, path: Path, what: str, *, shared: bool = False) -> None:
        self._path = path
        self._what = what
        self._shared = shared
        self._handle: int | None = None

    def __enter__(self) -> FileLock:
        """Take the lock.

        Raises:
            LockedError: somebody else has it.
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
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if not self._shared or _is_last(handle):
            self._path.unlink(missing_ok=True)
        os.close(handle)

    def _take(self) -> int:
        how = fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, how | fcntl.LOCK_NB)
                holder = _said(handle)
                shares = self._shared and holder.get("shared", False)
                if not shares and holder.get("host", socket.gethostname()) != socket.gethostname():
                    raise self._refusal(holder, elsewhere=True)
                if _is_at(handle, self._path):
                    _say(handle, shared=self._shared)
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
        return LockedError(f"{self._path.parent}: {self._what} ({who}{since}); {what}")


class RunLock(FileLock):
    """Holds an output folder: one run, or any number of those that share the work.

    Args:
        out: an existing folder.
        shared: those who hold it like this may do so together.
    """

    def __init__(self, out: Path, *, shared: bool = False) -> None:
        super().__init__(out / LOCK, "another run writes here", shared=shared)


def _said(handle: int) -> dict[str, Any]:
    """What the file says of its holder; a run that died early says nothing."""
    try:
        document = json.loads(os.pread(handle, 4096, 0))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _say(handle: int, *, shared: bool) -> None:
    started = datetime.now(UTC).isoformat(timespec="seconds")
    said: dict[str, Any] = {"pid": os.getpid(), "host": socket.gethostname(), "started": started}
    if shared:
        said["shared"] = True
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(said).encode() + b"\n", 0)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _is_last(handle: int) -> bool:
    """Whether nobody else shares the lock any more; it is given up where somebody does."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return bool(_said(handle).get("host") == socket.gethostname())
