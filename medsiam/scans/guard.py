"""What the reading libraries say, turned into faults and sentences that name no patient."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.faults import ScanWarning, fault, warning

# Warning filters belong to the whole process: only one thread at a time may change them.
_FILTERS = threading.RLock()
# pydicom logs what it warns of, values included.
_LOGGER = logging.getLogger("pydicom")

# (what a library's warning contains, what is said of it); the rest is counted.
_KNOWN = (
    (
        "excess padding",
        warning("excess_pixel_data", "the pixel data are longer than the header says"),
    ),
    ("Unknown encoding", warning("odd_character_set", "the character set is unknown")),
    (
        "Failed to decode byte string",
        warning("odd_character_set", "texts of the header do not fit its character set"),
    ),
    ("End of file reached", warning("odd_header", "the file ends early")),
    (
        "'Bits Stored'",
        warning("bits_disagree", "header and compressed pixel data disagree about the bits stored"),
    ),
)


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
    with _FILTERS, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        passes_on, _LOGGER.propagate = _LOGGER.propagate, False
        try:
            yield said
        except ScanError:
            raise
        except FileNotFoundError:
            raise fault("missing_file", path, "no such file or folder") from None
        except PermissionError:
            raise fault("no_access", path, "no permission to read it") from None
        except MemoryError:
            raise fault("too_large", path, "not enough memory to read it") from None
        except Exception as error:
            what = f"it could not be read ({type(error).__name__})"
            raise fault("unreadable", path, what) from None
        finally:
            _LOGGER.propagate = passes_on
    said.extend(_sentences([str(warning.message) for warning in caught]))


def _sentences(messages: Sequence[str]) -> list[ScanWarning]:
    known = [sentence for part, sentence in _KNOWN if any(part in message for message in messages)]
    rest = [m for m in messages if not any(part in m for part, _ in _KNOWN)]
    if rest:
        what = f"the header departs from the standard in {len(set(rest))} places"
        known.append(warning("odd_header", what))
    return known
