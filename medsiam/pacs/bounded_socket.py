"""The line to a sender, which may neither announce too much nor stop amid what it announced."""

from __future__ import annotations

import time

from pynetdicom.transport import AssociationSocket

MOST_PDU = 1 << 20  # bytes of one PDU that are read at all
_CHUNK = 1 << 16
_LAST_LOOK = 0.01  # seconds for what has arrived already, when the time is over


class BoundedSocket(AssociationSocket):
    """Reads a PDU only where it is of a lawful size and there in time.

    pynetdicom reads up to 4 GB that the other side announces, and waits for them without an end.

    Attributes:
        seconds: for the head of a PDU, and for the rest of it.
    """

    seconds: float

    @classmethod
    def bind(cls, line: AssociationSocket, seconds: float) -> None:
        """Give the limits to the line of an association that was accepted just now."""
        # No cleaner way: RequestHandler names its class, and making a second one repeats an event.
        line.__class__ = cls
        assert isinstance(line, cls)
        line.seconds = seconds

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes; fewer where the other side has gone.

        Raises:
            OSError: it announced too much, or took too long; the line is closed.
        """
        line = self.socket
        if line is None:
            raise OSError("the line is closed")
        if nr_bytes > MOST_PDU:
            line.close()
            raise OSError("a PDU that is longer than was agreed on")
        self.assoc.dul._idle_timer.restart()  # pynetdicom does it when the last byte is there
        end = time.monotonic() + self.seconds
        read = bytearray()
        try:
            while len(read) < nr_bytes:
                line.settimeout(max(end - time.monotonic(), _LAST_LOOK))
                part = line.recv(min(nr_bytes - len(read), _CHUNK))
                if not part:
                    break
                read += part
            line.settimeout(self.seconds)  # which holds for sending, too
        except TimeoutError:
            line.close()
            raise
        return read

    def _shutdown_socket(self) -> None:
        """Close it also where the other side is gone already, which pynetdicom forgets."""
        own = self.socket
        super()._shutdown_socket()
        if own is not None:
            own.close()
