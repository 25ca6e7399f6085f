"""Names and addresses of peers, checked before anything is sent to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from medsiam.errors import UsageError

_PEER = re.compile(r"(?P<aet>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]@/\s]+):(?P<port>\d+)")
_LONGEST_TITLE = 16  # VR AE
_MOST_PORT = 65535


@dataclass(frozen=True)
class PeerAddress:
    """A DICOM application entity.

    Attributes:
        ae_title: by which it wants to be called.
        host: name or address.
        port: TCP.
    """

    ae_title: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.ae_title}@{self.host}:{self.port}"


def parse_peer(text: str) -> PeerAddress:
    """Read `AET@host:port`; an IPv6 address stands in square brackets.

    Raises:
        UsageError: it has another form.
    """
    found = _PEER.fullmatch(text)
    if found is None:
        raise UsageError(
            f"{text}: a DICOM peer is written AET@host:port, such as PACS@10.0.0.5:104"
        )
    title = check_ae_title(found["aet"])
    return PeerAddress(title, found["host"].strip("[]"), check_port(int(found["port"])))


def parse_stow(url: str) -> str:
    """Check the root of a DICOMweb service, such as https://pacs.example/dicom-web.

    Raises:
        UsageError: no such URL, or one that holds a password, which everybody could read in the
            list of processes.
    """
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named:
        raise UsageError(
            f"{url}: a DICOMweb service is written http://host:port/path or https://..."
        )
    if parts.username or parts.password:
        raise UsageError(
            f"--stow {parts.hostname}: leave name and password out of the URL, where others see "
            "them; put them into ~/.netrc"
        )
    return url.rstrip("/")


def check_ae_title(title: str) -> str:
    """Return the title without padding.

    Raises:
        UsageError: it is empty, too long, or has characters that no AE title has (PS3.5 6.2).
    """
    stripped = title.strip(" ")
    plain = stripped.isascii() and stripped.isprintable() and "\\" not in stripped
    if not stripped or len(stripped) > _LONGEST_TITLE or not plain:
        raise UsageError(
            f"{title!r} is no AE title: 1 to {_LONGEST_TITLE} ASCII characters, no backslash"
        )
    return stripped


def check_port(port: int) -> int:
    """Return the port.

    Raises:
        UsageError: it is none.
    """
    if not 1 <= port <= _MOST_PORT:
        raise UsageError(f"{port} is no TCP port; there are 1 to {_MOST_PORT}")
    return port
