"""Results that wait to be sent: one file per object, kept until the archive has taken it.

    outbox/<SOPInstanceUID>.dcm            waits
    outbox/sent/<SOPInstanceUID>           was taken (empty file)
    outbox/refused/<SOPInstanceUID>.dcm    the archive wants it never

An object is removed only after the archive has said that it holds it. Where the power goes between
the two, it is sent once more, and its UID tells the archive that it has it already.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medsiam.errors import OutputError
from medsiam.writing import sync_folder

Reply = Literal["taken", "refused", "later"]

_MOST_AT_ONCE = 50
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 60.0  # seconds


@dataclass(frozen=True)
class Sending:
    """What came of one object.

    Attributes:
        reply: "taken" by the archive, "refused" for good, or to be tried "later".
        reason: one sentence where it was not taken.
    """

    reply: Reply
    reason: str = ""


Send = Callable[[Sequence[Path]], Sequence[Sending]]


class Outbox:
    """The objects that wait in one folder.

    Args:
        folder: made where needed.
        clock: seconds that never run backwards.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._sent = folder / "sent"
        self._refused = folder / "refused"
        self._clock = clock
        self._wait = 0.0
        self._next = 0.0
        try:
            for path in (self._sent, self._refused):
                path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error

    @property
    def waiting(self) -> tuple[Path, ...]:
        """What waits, the oldest first; may be asked while another thread delivers."""
        found = []
        for path in self._folder.glob("*.dcm"):
            with contextlib.suppress(FileNotFoundError):  # it was taken, or refused, just now
                found.append((path.stat().st_mtime_ns, path.name))
        return tuple(self._folder / name for _, name in sorted(found) if not name.startswith("."))

    def put(self, path: Path) -> bool:
        """Let an object wait, unless it does already or the archive has it; True where it is new.

        Args:
            path: a file named after its SOPInstanceUID.

        Raises:
            OutputError: where it cannot be copied.
        """
        target = self._folder / path.name
        # In the order of an object's way, so that one which moves on meanwhile is seen.
        known = (target, self._sent / path.stem, self._refused / path.name)
        if any(one.exists() for one in known):
            return False
        try:
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
            with os.fdopen(handle, "wb") as stream, path.open("rb") as source:
                shutil.copyfileobj(source, stream)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).rename(target)
            sync_folder(self._folder)
        except OSError as error:
            raise OutputError(f"cannot write {target}: {error.strerror}") from error
        return True

    def deliver(self, send: Send) -> tuple[Sending, ...]:
        """Send what has waited longest, if it is time to.

        After a failure the next attempt waits 1 s, then twice as long each time, at most a minute.

        Args:
            send: gives one answer for each file, in order.

        Returns:
            what came of each object; nothing where there was nothing to do yet.
        """
        waiting = self.waiting[:_MOST_AT_ONCE]
        if not waiting or self._clock() < self._next:
            return ()
        results = tuple(send(waiting))
        for path, result in zip(waiting, results, strict=True):
            if result.reply == "taken":
                (self._sent / path.stem).touch()
                sync_folder(self._sent)
                path.unlink()
            elif result.reply == "refused":
                path.rename(self._refused / path.name)
            else:
                path.touch()  # to the end of the queue, so that it holds nothing up
        failed = any(result.reply == "later" for result in results)
        self._wait = min(max(2 * self._wait, _FIRST_WAIT), _LONGEST_WAIT) if failed else 0.0
        self._next = self._clock() + self._wait
        return results
