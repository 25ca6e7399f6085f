"""Where the reading page may be offered: on this computer, and elsewhere only behind a login."""

from __future__ import annotations

import importlib.util
import ipaddress
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from medsiam.errors import MissingExtraError, UsageError

ADDRESS = "127.0.0.1"
_SHARED = ("redirect_uri", "cookie_secret")
_OF_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_SHORTEST_SECRET = 32
_CALLBACK = "/oauth2callback"


@dataclass(frozen=True)
class Entrance:
    """How readers come in.

    Attributes:
        address: to listen on.
        names: host names that a browser may ask for.
        secrets: file with the login; None where there is none, on this computer only.
    """

    address: str
    names: tuple[str, ...]
    secrets: Path | None


def entrance(address: str, secrets: Path | None) -> Entrance:
    """Check address and login together.

    Args:
        address: an IP address, or localhost.
        secrets: file with an `[auth]` section; None takes the one where Streamlit looks for it,
            where the address needs one.

    Raises:
        UsageError: an address that others reach without a login, or a login that is not whole.
        MissingExtraError: the login needs a package that is not installed.
    """
    own = (ADDRESS, "localhost")
    if secrets is None and is_loopback(address):
        return Entrance(address, tuple(dict.fromkeys((address.lower(), *own))), None)
    found = secrets or _where_streamlit_looks()
    if found is None:
        raise UsageError(
            f"--address {address}: others could open the page there, and see every study. That "
            "needs a login: name a file with Streamlit's [auth] section by --secrets FILE (see "
            f"docs/reading-page.md), or leave --address out ({ADDRESS})"
        )
    home = _check_login(found)
    if importlib.util.find_spec("authlib") is None:
        raise MissingExtraError("the login needs Authlib: pip install 'medsiam[login]'")
    names = (address.lower(), home, *own)
    return Entrance(address, tuple(dict.fromkeys(names)), found.resolve())


def is_loopback(address: str) -> bool:
    """Return True for an address that only this computer reaches.

    Raises:
        UsageError: it is no IP address and not localhost.
    """
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise UsageError(
            f"--address {address}: give an IP address of this computer, such as {ADDRESS}"
        ) from None


def _where_streamlit_looks() -> Path | None:
    """Return the reader's own secrets file, or None."""
    found = Path.home() / ".streamlit" / "secrets.toml"
    return found if found.is_file() else None


def _check_login(file: Path) -> str:
    """Return the host name that readers come to; messages never quote a value."""
    try:
        with file.open("rb") as opened:
            auth: Any = tomllib.load(opened).get("auth")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UsageError(f"{file}: this is no TOML file; --secrets needs one") from None
    if not isinstance(auth, dict):
        raise UsageError(f"{file}: it has no [auth] section; see docs/reading-page.md")
    lacking = [name for name in (*_SHARED, *_OF_PROVIDER) if not _is_text(auth.get(name))]
    if lacking:
        raise UsageError(f"{file}: the [auth] section lacks {', '.join(lacking)}")
    if len(auth["cookie_secret"]) < _SHORTEST_SECRET:
        raise UsageError(
            f"{file}: cookie_secret is short and could be guessed; give at least "
            f"{_SHORTEST_SECRET} random characters"
        )
    return _home(auth["redirect_uri"], file)


def _home(redirect_uri: str, file: Path) -> str:
    parts = urlsplit(redirect_uri)
    name = parts.hostname
    if name is None or parts.path != _CALLBACK:
        raise UsageError(
            f"{file}: redirect_uri must be the address of this page, ending in {_CALLBACK}"
        )
    if parts.scheme != "https" and name not in ("localhost", ADDRESS):
        raise UsageError(
            f"{file}: redirect_uri must begin with https://, or studies and logins could be read "
            "on the way; put a server with a certificate before the reading page"
        )
    return name


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
