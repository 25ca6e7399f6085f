"""Sending results to an archive: C-STORE (PS3.4 B) or STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medsiam.pacs.address import PeerAddress
from medsiam.pacs.outbox import Sending
from medsiam.reports import need_pacs_extra

if TYPE_CHECKING:
    from pynetdicom.association import Association

_SECONDS = 10.0  # to connect, to negotiate, and for each answer
_REFUSED = 0xA900  # data set does not match; 0xC000 and above: cannot be understood
_HTTP_REFUSED = {400, 409, 413, 415, 422}


@dataclass(frozen=True)
class Destination:
    """Where results go, and how.

    Attributes:
        name: for messages.
        send: gives one answer for each file.
    """

    name: str
    send: Callable[[Sequence[Path]], Sequence[Sending]]


def send_by_store(peer: PeerAddress, *, ae_title: str = "MEDSIAM") -> Destination:
    """C-STORE to a DICOM peer, all objects over one association.

    Args:
        peer: whom.
        ae_title: our own name.

    Raises:
        MissingExtraError: without the extra `pacs`.
    """
    try:
        from pynetdicom import AE
    except ImportError as error:
        raise need_pacs_extra(error) from error
    from pydicom.uid import (
        Comprehensive3DSRStorage,
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        SecondaryCaptureImageStorage,
    )

    entity = AE(ae_title=ae_title)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = _SECONDS
    entity.network_timeout = _SECONDS
    for class_uid in (Comprehensive3DSRStorage, SecondaryCaptureImageStorage):
        entity.add_requested_context(class_uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

    def send(paths: Sequence[Path]) -> Sequence[Sending]:
        if problem := _why_unreachable(peer):
            return [Sending("later", f"{peer}: it cannot be reached ({problem})")] * len(paths)
        association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title)
        if not association.is_established:
            why = Sending("later", f"{peer}: {_why_none(association, ae_title)}")
            return [why] * len(paths)
        try:
            return [_stored(association, path, peer) for path in paths]
        finally:
            if association.is_established:
                association.release()

    return Destination(str(peer), send)


def send_by_stow(url: str) -> Destination:
    """STOW-RS to the service at `url`; name and password come from ~/.netrc, where there are any.

    Raises:
        MissingExtraError: without the extra `pacs`.
    """
    try:
        from dicomweb_client.api import DICOMwebClient
    except ImportError as error:
        raise need_pacs_extra(error) from error
    client = DICOMwebClient(url)
    client.set_http_retry_params(retry=False)  # the outbox tries again

    def send(paths: Sequence[Path]) -> Sequence[Sending]:
        return [_posted(client, path, url) for path in paths]

    return Destination(url, send)


def _why_unreachable(peer: PeerAddress) -> str | None:
    """Ask before pynetdicom does: it tells no reason, and leaves a socket open."""
    try:
        socket.create_connection((peer.host, peer.port), timeout=_SECONDS).close()
    except OSError as error:
        return error.strerror or type(error).__name__
    return None


def _why_none(association: Association, ae_title: str) -> str:
    """Why there is no association, in one sentence."""
    if association.is_rejected:
        primitive = association.acceptor.primitive
        reasons = {
            (1, 3): f"it does not know us, the calling AE title {ae_title}",
            (1, 7): "it has another AE title than the one we call",
        }
        source = getattr(primitive, "result_source", 0)
        reason = getattr(primitive, "diagnostic", 0)
        said = reasons.get((source, reason), f"source {source}, reason {reason}")
        return f"it rejects the association: {said}"
    return "no answer to the association request"


def _stored(association: Association, path: Path, peer: PeerAddress) -> Sending:
    if not association.is_established:
        return Sending("later", f"{peer}: the association ended early")
    try:
        status = association.send_c_store(path)
    except ValueError:  # none of our presentation contexts was accepted for it
        return Sending("later", f"{peer}: it accepts no objects of this kind (SOP class)")
    except RuntimeError:  # the association ended just now
        return Sending("later", f"{peer}: the association ended early")
    code = status.get("Status")
    if code is None:
        return Sending("later", f"{peer}: no answer to C-STORE")
    code = int(code)
    if code == 0 or code & 0xF000 == 0xB000:  # 0xBxxx: stored, with a warning
        return Sending("taken")
    if code & 0xFF00 == _REFUSED or code & 0xF000 == 0xC000:
        return Sending("refused", f"{peer}: it refuses the object for good (status 0x{code:04X})")
    return Sending("later", f"{peer}: it cannot store now (status 0x{code:04X})")


def _posted(client: Any, path: Path, url: str) -> Sending:
    from pydicom import dcmread
    from requests import HTTPError, RequestException

    try:
        answer = client.store_instances([dcmread(path)])
    except HTTPError as error:
        code = 0 if error.response is None else error.response.status_code
        if code in _HTTP_REFUSED:
            return Sending("refused", f"{url}: it refuses the object for good (HTTP {code})")
        return Sending("later", f"{url}: it cannot store now (HTTP {code})")
    except RequestException as error:
        return Sending("later", f"{url}: it cannot be reached ({type(error).__name__})")
    if answer is not None and answer.get("FailedSOPSequence"):
        reason = int(answer.FailedSOPSequence[0].get("FailureReason", 0))
        return Sending("refused", f"{url}: it refuses the object for good (0x{reason:04X})")
    return Sending("taken")
