"""What a run of `medsiam score` sends: its objects wait in an outbox, and go while the run goes on.

All state lies in the outbox, so that a run that was killed, or whose archive was away, sends the
rest when it is started again, and nothing twice.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from medsiam.errors import MedsiamError
from medsiam.pacs.outbox import Outbox, Sending
from medsiam.scoring.lock import RunLock
from medsiam.scoring.study_objects import DICOM

if TYPE_CHECKING:
    from medsiam.pacs.destination import Destination

_LOOK_SECONDS = 0.2
_END_SECONDS = 1.0
OUTBOX = "outbox"


@dataclass(frozen=True)
class Delivered:
    """What became of the objects of a run.

    Attributes:
        sent: taken by the archive in this run.
        waiting: not taken yet.
        refused: that the archive will never take, of this run and of earlier ones.
        reason: why the last one was not taken; empty where none failed in this run.
    """

    sent: int
    waiting: int
    refused: int
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the archive has all of them."""
        return not self.waiting and not self.refused


class Delivery:
    """Sends objects in a thread of its own for as long as a `with` block lasts.

    Args:
        out: folder of the run, with what `StudyObjects` wrote; the outbox lies in it.
        destination: where they go.
        end_seconds: how long `finish` waits for an archive that takes nothing.
    """

    def __init__(self, out: Path, destination: Destination, *, end_seconds: float = 60.0) -> None:
        self._folder = out / OUTBOX
        self._objects = out / DICOM
        self._destination = destination
        self._end_seconds = end_seconds
        self._outbox: Outbox | None = None
        self._lock = RunLock(self._folder)
        self._thread: threading.Thread | None = None
        self._stop, self._hurry = threading.Event(), threading.Event()
        self._sent = 0
        self._reason = ""
        self._progress = time.monotonic()

    def __enter__(self) -> Delivery:
        """Take the outbox, where there is one.

        Raises:
            LockedError: another run sends from it.
        """
        if self._folder.is_dir():
            self._taken()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)  # whoever ends the program waits for no archive
        self._lock.__exit__(kind, error, trace)

    @property
    def waiting(self) -> int:
        """Objects that are not taken yet."""
        return 0 if self._outbox is None else len(self._outbox.waiting)

    def add(self, series: str) -> None:
        """Send the objects of a series, as far as they were not sent before.

        Raises:
            OutputError: where they cannot be put into the outbox.
        """
        outbox = self._taken()
        for path in sorted((self._objects / series).glob("*.dcm")):
            outbox.put(path)
        self._begin(outbox)

    def finish(self) -> Delivered:
        """Deliver what waits, as long as the archive takes something now and then."""
        if self._outbox is None:
            return Delivered(0, 0, 0)
        thread = self._begin(self._outbox)
        self._progress = time.monotonic()
        self._hurry.set()
        while self.waiting and thread.is_alive():
            if time.monotonic() - self._progress > self._end_seconds:
                break
            self._stop.wait(_LOOK_SECONDS)
        refused = len(list((self._folder / "refused").glob("*.dcm")))
        return Delivered(self._sent, self.waiting, refused, self._reason)

    def _taken(self) -> Outbox:
        """The outbox, which is ours from here on.

        It is made when there is something to send: the run that calls has its folder's lock by
        then, and one that is refused leaves nothing.
        """
        if self._outbox is None:
            outbox = Outbox(self._folder)
            self._lock.__enter__()
            self._outbox = outbox
        return self._outbox

    def _begin(self, outbox: Outbox) -> threading.Thread:
        if self._thread is None:
            self._thread = threading.Thread(target=self._go, args=(outbox,), daemon=True)
            self._thread.start()
        return self._thread

    def _go(self, outbox: Outbox) -> None:
        try:
            self._send_all(outbox)
        except Exception as error:  # whatever it is, it may not leave the end without a reason
            # Its words may quote a data set.
            self._reason = f"the sending ended: {type(error).__name__}"

    def _send_all(self, outbox: Outbox) -> None:
        is_fresh = False
        while not self._stop.is_set():
            if self._hurry.is_set() and not is_fresh:
                outbox = Outbox(self._folder)  # which has not learned yet to wait for a minute
                is_fresh = True
            for result in self._deliver(outbox):
                if result.reply == "taken":
                    self._sent += 1
                    self._progress = time.monotonic()
                else:
                    self._reason = result.reason
            self._stop.wait(_LOOK_SECONDS)

    def _deliver(self, outbox: Outbox) -> tuple[Sending, ...]:
        try:
            return outbox.deliver(self._destination.send)
        except (OSError, MedsiamError) as error:
            said = getattr(error, "strerror", None) or str(error)
            return (Sending("later", f"{self._folder}: {said}"),)
