"""A C-STORE receiver that trusts nobody: own handler, own names, and a limit for everything.

It writes nothing under a name that a sender chose, reads only headers, and tells the sender that an
object is stored only when it survives a power cut. Roles: Storage and Verification SCP.
"""

from __future__ import annotations

import logging
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.errors import MedsiamError, ScanError, UsageError
from medsiam.pacs.inbox import Inbox
from medsiam.reports import need_pacs_extra
from medsiam.reports.dicom_object import MANUFACTURER
from medsiam.scans import read_study

if TYPE_CHECKING:
    from pynetdicom import AE
    from pynetdicom.events import Event

Say = Callable[[str], None]

SUCCESS, NO_ROOM, WRONG_OBJECT, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000
_MOST_PDU = 1 << 18  # bytes that we ask senders to keep to
_VERIFICATION = "1.2.840.10008.1.1"  # SOP class of C-ECHO


@dataclass(frozen=True)
class ReceiverSettings:
    """Who may send what, and how much.

    Attributes:
        folder: that holds the inbox.
        ae_title: our own.
        address: to listen on.
        port: TCP.
        allowed: calling AE titles; none: everybody who can reach the address.
        max_associations: at one time; another one is rejected.
        max_object_bytes: of one object.
        min_free_bytes: of the disk; below it every object is refused with 0xA700.
        idle_seconds: after which a silent association is ended.
    """

    folder: Path
    ae_title: str = "MEDSIAM"
    address: str = "127.0.0.1"
    port: int = 11112
    allowed: tuple[str, ...] = ()
    max_associations: int = 16
    max_object_bytes: int = 2 << 30
    min_free_bytes: int = 1 << 30
    idle_seconds: float = 30.0


class Receiver:
    """Receives in threads of this process until it is closed.

    Args:
        settings: see there.
        say: is given one sentence about whatever an administrator should know.
    """

    def __init__(self, settings: ReceiverSettings, say: Say) -> None:
        self._settings = settings
        self._say = say
        self._inbox = Inbox(settings.folder)
        self._server: Any = None

    def start(self) -> None:
        """Begin to listen.

        Raises:
            MissingExtraError: without the extra `pacs`.
            UsageError: where the address cannot be listened on.
        """
        try:
            from pynetdicom import _config, evt
        except ImportError as error:
            raise need_pacs_extra(error) from error
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it quotes data sets
        _config.STORE_RECV_CHUNKED_DATASET = True  # to a file, not into memory
        self._inbox.prepare()
        tempfile.tempdir = str(self._inbox.part)  # where pynetdicom puts these files
        handlers: list[Any] = [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_C_STORE, self._store),
        ]
        where = (self._settings.address, self._settings.port)
        try:
            _try_address(*where)
            self._server = _entity(self._settings).start_server(
                where, block=False, evt_handlers=handlers
            )
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"cannot listen on {where[0]}, port {where[1]}: {why}; choose another --port or "
                "--address, or end the program that has it"
            ) from error

    def close(self) -> None:
        """End; what was not received whole is gone, and its sender knows."""
        if self._server is not None:
            self._server.shutdown()
            tempfile.tempdir = None

    def _opened(self, event: Event) -> None:
        from pynetdicom.transport import AssociationSocket

        from medsiam.pacs.bounded_socket import BoundedSocket
        from medsiam.pacs.incoming import IncomingObjects

        association = event.assoc
        assert isinstance(association.dul.socket, AssociationSocket)
        BoundedSocket.bind(association.dul.socket, self._settings.idle_seconds)
        most = self._settings.max_object_bytes
        association.dimse = IncomingObjects(
            association,
            most,
            lambda: self._say(
                f"{_calling(event)}: an object was refused that is larger than it may be; at most "
                f"{most >> 20} MB are taken"
            ),
        )

    def _closed(self, event: Event) -> None:
        """Leave nothing of an object whose sender is gone; pynetdicom would keep its file open."""
        event.assoc.dimse.drop()  # type: ignore[attr-defined]

    def _rejected(self, event: Event) -> None:
        self._say(
            f"an association from {event.assoc.requestor.address} was rejected: its AE title "
            f"{_calling(event)} is not allowed, or there are too many at once"
        )

    def _store(self, event: Event) -> int:
        """Answer one C-STORE request with its status (PS3.4 table B.2-1)."""
        from medsiam.pacs.incoming import check_has_file

        try:
            check_has_file(event.request)
            return self._kept(event)
        except ScanError as error:
            self._say(f"{_calling(event)}: an object was refused, {error.code}")
            return NOT_UNDERSTOOD
        except MedsiamError:
            self._say(f"{_calling(event)}: an object that is no DICOM data set was refused")
            return NOT_UNDERSTOOD
        except OSError as error:
            self._say(f"{_calling(event)}: an object could not be kept (0xA700): {error.strerror}")
            return NO_ROOM
        finally:
            # The sender was silent because it waited for us; pynetdicom would end it for that.
            event.assoc.dul._idle_timer.restart()

    def _kept(self, event: Event) -> int:
        free = shutil.disk_usage(self._settings.folder).free
        if free < self._settings.min_free_bytes:
            self._say(
                f"{_calling(event)}: an object was refused (0xA700): {free >> 20} MB are free on "
                f"the disk, less than {self._settings.min_free_bytes >> 20}"
            )
            return NO_ROOM
        path = event.dataset_path
        (instance,) = read_study([path]).instances
        request: Any = event.request
        if (instance.uid, instance.class_uid) != (
            request.AffectedSOPInstanceUID,
            request.AffectedSOPClassUID,
        ):
            return WRONG_OBJECT
        if instance.manufacturer == MANUFACTURER:
            return SUCCESS  # our own result, sent along with its study: comparing it has no end
        if self._inbox.keep(path, instance) == "conflict":
            self._say(
                f"{_calling(event)}: an object has the UID of another one and other content; it "
                "lies in conflicts/ and is not scored"
            )
        return SUCCESS


def _entity(settings: ReceiverSettings) -> AE:
    """The application entity with what it accepts: every kind of object, and C-ECHO.

    Archives send whole studies, and many give up at the first object that is not accepted. What is
    no image is kept like the rest, and its series' result says so.
    """
    from pydicom.uid import AllTransferSyntaxes
    from pynetdicom import AE, AllStoragePresentationContexts

    entity = AE(ae_title=settings.ae_title)
    entity.maximum_associations = settings.max_associations
    entity.maximum_pdu_size = _MOST_PDU
    entity.network_timeout = settings.idle_seconds
    entity.acse_timeout = entity.dimse_timeout = settings.idle_seconds
    entity.require_calling_aet = list(settings.allowed)
    entity.require_called_aet = False
    for context in AllStoragePresentationContexts:
        entity.add_supported_context(str(context.abstract_syntax), AllTransferSyntaxes)
    entity.add_supported_context(_VERIFICATION)
    return entity


def _try_address(address: str, port: int) -> None:
    """Raise OSError where nobody can listen there; pynetdicom would leave a socket open."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((address, port))


def _calling(event: Event) -> str:
    """The sender's title, in characters that print; it is not trusted to be one."""
    return repr(str(event.assoc.requestor.ae_title).strip())[:20]
