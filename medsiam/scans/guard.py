"""What the reading libraries say, turned into faults and sentences that name no patient."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medsiam.errors import ScanError
from medsiam.scans.faults import ScanWarning, fault, warning

# pydicom logs what it warns of, values included.
_LOGGER = logging.getLogger("pydicom")

# (what a library's warning contains, what is said of it); the rest is counted.
_KNOWN = (
    (
        "excess padding",
        warning("excess_pixel_data", "the pixel data are longer than the header says"),
    ),
    (
        "which is larger than the given",
        warning("excess_pixel_data", "the pixel data are longer than the header says"),
    ),
    ("Unknown encoding", warning("odd_character_set", "the character set is unknown")),
    (
        "Failed to decode byte string",
        warning("odd_character_set", "texts of the header do not fit its character set"),
    ),
    ("End of file reached", warning("odd_header", "the file ends early")),
)


class Heard:
    """What the reading libraries warned of in one thread; their texts never leave this object."""

    def __init__(self) -> None:
        self._messages: list[str] = []

    def add(self, message: str) -> None:
        """Keep what a library said."""
        self._messages.append(message)

    def mark(self) -> int:
        """Return the place up to which it has been heard, for `since`."""
        return len(self._messages)

    def since(self, mark: int) -> list[ScanWarning]:
        """Return a sentence for each kind of warning that came after `mark`."""
        return _sentences(self._messages[mark:])


class _Silence:
    """Warning filters and logger as reading needs them, while any thread reads.

    Both belong to the whole process. They are changed when the first thread enters and restored
    when the last one leaves, so that no thread waits for another. What threads that do not read
    warn of goes where it went before.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._filters = warnings.catch_warnings()
        self._passes_on = True
        self._show_elsewhere = warnings.showwarning
        self._of_thread = threading.local()

    def enter(self, heard: Heard) -> Heard | None:
        """Let this thread's warnings go to `heard`; returns where they went before."""
        with self._lock:
            if self._inside == 0:
                self._show_elsewhere = warnings.showwarning
                self._passes_on, _LOGGER.propagate = _LOGGER.propagate, False
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.simplefilter("always")
                warnings.showwarning = self._show
            self._inside += 1
        before: Heard | None = getattr(self._of_thread, "heard", None)
        self._of_thread.heard = heard
        return before

    def leave(self, before: Heard | None) -> None:
        self._of_thread.heard = before
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._filters.__exit__(None, None, None)
                _LOGGER.propagate = self._passes_on

    def _show(self, message: Warning | str, *where: Any, **rest: Any) -> None:
        heard: Heard | None = getattr(self._of_thread, "heard", None)
        if heard is None:
            self._show_elsewhere(message, *where, **rest)
        else:
            heard.add(str(message))


_SILENCE = _Silence()


@contextmanager
def quiet() -> Iterator[Heard]:
    """Keep what the reading libraries say in this thread to the block.

    Entered once around many files it makes `guarded` cheap for each of them.

    Yields:
        what was said, also while the block still runs.
    """
    heard = Heard()
    before = _SILENCE.enter(heard)
    try:
        yield heard
    finally:
        _SILENCE.leave(before)


@contextmanager
def guarded(path: Path) -> Iterator[list[ScanWarning]]:
    """Read a file inside: whatever goes wrong comes out as a `ScanError`.

    Texts of foreign errors and warnings may quote the header, so only their kind is passed on.

    Yields:
        a list that holds, once the block has ended, a sentence for each kind of warning.

    Raises:
        ScanError: for every exception raised in the block.
    """
    said: list[ScanWarning] = []
    heard = Heard()
    before = _SILENCE.enter(heard)
    try:
        yield said
    except ScanError:
        raise
    except Exception as error:
        raise _fault_of(error, path) from None
    finally:
        _SILENCE.leave(before)
    said.extend(heard.since(0))


def _fault_of(error: Exception, path: Path) -> ScanError:
    if isinstance(error, FileNotFoundError):
        return fault("missing_file", path, "no such file or folder")
    if isinstance(error, PermissionError):
        return fault("no_access", path, "no permission to read it")
    if isinstance(error, MemoryError):
        return fault("too_large", path, "not enough memory to read it")
    if isinstance(error, RecursionError):
        return fault("nested_too_deep", path, "sequences within sequences without end")
    return fault("unreadable", path, f"it could not be read ({type(error).__name__})")


def _sentences(messages: Sequence[str]) -> list[ScanWarning]:
    if not messages:
        return []
    known = [sentence for part, sentence in _KNOWN if any(part in message for message in messages)]
    rest = [m for m in messages if not any(part in m for part, _ in _KNOWN)]
    if rest:
        what = f"the header departs from the standard in {len(set(rest))} places"
        known.append(warning("odd_header", what))
    return known
