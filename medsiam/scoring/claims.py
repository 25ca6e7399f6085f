"""Who has which series in hand, among watchers that share an output folder."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from medsiam.errors import LockedError, OutputError
from medsiam.scoring.lock import FileLock

CLAIMS = "claims"
_LONG_SECONDS = 600.0


class Claims:
    """The claims of one watcher; what it still has in hand at the end of a `with` block is free.

    A claim is a locked file of the series' name: the system lets one process have it, and frees it
    when that process ends, however it ends.

    Args:
        out: the output folder.
        say: is told once of each series that somebody has had in hand for ten minutes.
    """

    def __init__(self, out: Path, say: Callable[[str], None]) -> None:
        self._folder = out / CLAIMS
        self._say = say
        self._held: dict[str, FileLock] = {}
        self._refused: dict[str, float] = {}  # since when; infinity once that is told
        self._lock = threading.Lock()  # series are claimed by the threads that read

    def __enter__(self) -> Claims:
        """Make the folder.

        Raises:
            OutputError: it cannot be made.
        """
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {self._folder}: {error.strerror}") from error
        return self

    def __exit__(self, *error: object) -> None:
        for name in [*self._held]:
            self.release(name)

    def take(self, name: str) -> bool:
        """Whether it is ours now. Ask what is known of the series after that, not before.

        Args:
            name: of a series, or of what else is done by one watcher at a time.

        Raises:
            OutputError: the folder cannot be written.
        """
        claim = FileLock(self._folder / name, "another watcher has it in hand")
        try:
            claim.__enter__()
        except LockedError as error:
            self._tell(name, str(error))
            return False
        with self._lock:
            self._refused.pop(name, None)
            self._held[name] = claim
        return True

    def release(self, name: str) -> None:
        """Let others have it; nothing happens where it is not ours."""
        with self._lock:
            claim = self._held.pop(name, None)
        if claim is not None:
            claim.__exit__(None, None, None)

    def _tell(self, name: str, said: str) -> None:
        """Say who has it, where that is for long: perhaps a dead one on another computer."""
        now = time.monotonic()
        with self._lock:
            is_long = now - self._refused.setdefault(name, now) > _LONG_SECONDS
            if is_long:
                self._refused[name] = float("inf")
        if is_long:
            self._say(said)
