"""What a run of `medsiam score` sends: its objects wait in an outbox, and go while the run goes on.

All state lies in the outbox, so that a run that was killed, or whose archive was away, sends the
rest when it is started again, and nothing twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
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
        shared: others may put objects into the same outbox; one of them sends at a time.
        say: is given one sentence about each thing that happens.
    """

    def __init__(
        self,
        out: Path,
        destination: Destination,
        *,
        end_seconds: float = 60.0,
        shared: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._folder = out / OUTBOX
        self._objects = out / DICOM
        self._destination = destination
        self._end_seconds = end_seconds
        self._outbox: Outbox | None = None
        self._lock = RunLock(self._folder)
        self._shared, self._is_ours = shared, False
        self._say, self._trouble = say, ""
        self._thread: threading.Thread | None = None
        self._stop, self._hurry = threading.Event(), threading.Event()
        self._sent = 0
        self._reason = ""
        self._progress = time.monotonic()

    def __enter__(self) -> Delivery:
        """Take the outbox, where there is one; one that is shared is taken when it is free.

        Raises:
            LockedError: another run sends from it.
        """
        if not self._shared and self._folder.is_dir():
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
        self._lock.__exit__(kind, error, trace)  # where it is ours; nothing happens else

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
        self.start()

    def finish(self) -> Delivered:
        """Deliver what waits, as long as the archive takes something now and then."""
        if self._outbox is None:
            return Delivered(0, 0, 0)
        thread = self.start()
        self._progress = time.monotonic()
        self._hurry.set()
        while self.waiting and thread.is_alive():
            if time.monotonic() - self._progress > self._end_seconds:
                break
            self._stop.wait(_LOOK_SECONDS)
        refused = len(list((self._folder / "refused").glob("*.dcm")))
        return Delivered(self._sent, self.waiting, refused, self._reason)

    def start(self) -> threading.Thread:
        """Send what waits; not to be called before the run that calls has its folder's lock."""
        outbox = self._taken()
        if self._thread is None:
            self._thread = threading.Thread(target=self._go, args=(outbox,), daemon=True)
            self._thread.start()
        return self._thread

    def _taken(self) -> Outbox:
        """The outbox, which is made when there is something to send.

        The run that calls has its folder's lock by then, and one that is refused leaves nothing.
        """
        if self._outbox is None:
            outbox = Outbox(self._folder)
            if not self._shared:
                self._lock.__enter__()
                self._is_ours = True
            self._outbox = outbox
        return self._outbox

    def _go(self, outbox: Outbox) -> None:
        try:
            self._send_all(outbox)
        except Exception as error:  # whatever it is, it may not leave the end without a reason
            # Its words may quote a data set.
            self._reason = f"the sending ended: {type(error).__name__}"
            self._say(self._reason)

    def _send_all(self, outbox: Outbox) -> None:
        is_fresh = False
        while not self._stop.is_set():
            if self._hurry.is_set() and not is_fresh:
                outbox = Outbox(self._folder)  # which has not learned yet to wait for a minute
                is_fresh = True
            if self._has_outbox():
                self._note(self._deliver(outbox))
            self._stop.wait(_LOOK_SECONDS)

    def _has_outbox(self) -> bool:
        if not self._is_ours:
            with suppress(MedsiamError):  # another one sends; when it ends, it is our turn
                self._lock.__enter__()
                self._is_ours = True
        return self._is_ours

    def _note(self, results: tuple[Sending, ...]) -> None:
        """Count, and say what goes wrong once, not at each attempt."""
        taken = 0
        problem = next((result.reason for result in results if result.reply == "later"), "")
        for result in results:
            if result.reply == "taken":
                taken += 1
                self._progress = time.monotonic()
                continue
            self._reason = result.reason
            if result.reply == "refused":
                self._say(f"{result.reason}; it lies in {self._folder / 'refused'}")
        self._sent += taken
        if problem and problem != self._trouble:
            self._say(f"{problem}; {self.waiting} objects wait, and are sent again")
        if taken:
            self._say(f"{taken} objects sent to {self._destination.name}")
        if results:
            self._trouble = problem

    def _deliver(self, outbox: Outbox) -> tuple[Sending, ...]:
        try:
            return outbox.deliver(self._destination.send)
        except (OSError, MedsiamError) as error:
            said = getattr(error, "strerror", None) or str(error)
            return (Sending("later", f"{self._folder}: {said}"),)
