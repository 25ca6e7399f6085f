"""The objects of one association while they come in, each into a part file of its own.

pynetdicom writes them in the thread that holds the line. Where the disk refuses, that thread ends,
the association with it, and the sender has no status. Here the rest of the object is read and
dropped instead, so that it can be answered, and the next one may find room again.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.pdu_primitives import P_DATA

if TYPE_CHECKING:
    from pynetdicom.association import Association

_MOST_COMMAND = 1 << 20  # bytes of what is not an object, which is kept in memory
_INVALID_PDU = "Evt19"  # PS3.8 table 9-10: the association is aborted
_COMMAND, _LAST = 1, 2  # bits of a fragment's header, PS3.8 E.2


class IncomingObjects(DIMSEServiceProvider):
    """Takes an association's messages, and has an end for each.

    Args:
        association: whose messages they are.
        most_bytes: of one object.
        too_large: is called when one is larger; its association ends.
    """

    def __init__(
        self, association: Association, most_bytes: int, too_large: Callable[[], None]
    ) -> None:
        super().__init__(association)
        self._most_bytes = most_bytes
        self._too_large = too_large
        self._bytes = 0  # of the present message

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take what came, fragment by fragment, so that it is known which one has no room."""
        for fragment in primitive.presentation_data_value_list:
            if not self._is_bounded(len(fragment[1])):
                return
            try:
                one = P_DATA()
                one.presentation_data_value_list = [list(fragment)]  # type: ignore[list-item]
                self._take(one, fragment[1][0])
            except Exception:  # a command that is none may raise anything
                self._drop_half()
                self.dul.event_queue.put(_INVALID_PDU)
                return

    def drop(self) -> None:
        """Leave nothing of an object that did not come whole, or that nobody answers any more."""
        self._drop_half()
        with contextlib.suppress(queue.Empty):
            while True:
                file = getattr(self.msg_queue.get_nowait()[1], "_dataset_file", None)
                if file is not None:
                    _drop(file)

    def _drop_half(self) -> None:
        half = getattr(self.message, "_data_set_file", None)
        if half is not None:
            _drop(half)

    def _take(self, one: P_DATA, header: int) -> None:
        message = self.message
        if header & _COMMAND and message is not None and message.context_id is not None:
            raise ValueError("a command amid a data set")
        try:
            super().receive_primitive(one)
        except OSError as error:
            self._drop_half()
            message = self.message
            assert message is not None
            message._data_set_file = _Nowhere(error)  # type: ignore[assignment]
            if not header & _COMMAND:
                super().receive_primitive(one)  # it may be the last one
        if self.message is None:
            self._bytes = 0

    def _is_bounded(self, more: int) -> bool:
        self._bytes += more
        is_object = isinstance(self.message, C_STORE_RQ)
        if self._bytes <= (self._most_bytes if is_object else _MOST_COMMAND):
            return True
        self._too_large()
        if self.dul.socket is not None:
            self.dul.socket.close()
        return False


class _Nowhere:
    """Stands where pynetdicom has an object's file, and takes what there is no room for.

    Attributes:
        error: why.
        name: of no file, for whoever removes it.
    """

    def __init__(self, error: OSError) -> None:
        self.error = error
        self.name = ""
        self.file = self

    def write(self, data: bytes) -> None:
        """Drop it."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""


def _drop(file: Any) -> None:
    if isinstance(file, _Nowhere):
        return
    with contextlib.suppress(OSError):  # it may try to write the rest
        file.close()
    Path(file.name).unlink(missing_ok=True)


def check_has_file(request: Any) -> None:
    """Raise the OSError of a C-STORE request whose object the disk had no room for."""
    if isinstance(request._dataset_file, _Nowhere):
        raise request._dataset_file.error
