"""The address of a bank on a PostgreSQL server: `postgresql://user@host:port/database/bank`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from medsiam.errors import BankError

DEFAULT_BANK = "medsiam"
_SCHEME = re.compile(r"postgres(ql)?://", re.IGNORECASE)
_BANK = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_SECRET = ("password", "sslpassword", "passfile")
_HOW = "write postgresql://USER@HOST/DATABASE/BANK"


@dataclass(frozen=True)
class PostgresAddress:
    """Where a bank is. `str()` leaves out every password; `secret_text` does not.

    Attributes:
        parameters: what libpq is told, https://www.postgresql.org/docs/current/libpq-connect.html.
        bank: name of the schema with the bank's tables.
        text: to be shown.
        secret_text: as it was given.
    """

    parameters: dict[str, str] = field(repr=False)
    bank: str
    text: str
    secret_text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text

    def without_secrets(self, message: str) -> str:
        """Return a message of the server or of libpq with no password in it."""
        for name in _SECRET:
            if secret := self.parameters.get(name):
                message = message.replace(secret, "***")
        return message


def is_postgres_address(place: Path | str) -> bool:
    """True where a bank is said to be on a server."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


def parse_postgres_address(text: str) -> PostgresAddress:
    """Read an address; nothing is asked of a server.

    Raises:
        BankError: it is none, without quoting it, for it may hold a password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
        host, user, password = parts.hostname, parts.username, parts.password
        asked = dict(
            parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        )
    except ValueError:
        raise BankError(f"the bank's address cannot be read; {_HOW}") from None
    database, _, bank = unquote(parts.path.strip("/")).partition("/")
    if not database:
        raise BankError(f"the bank's address names no database; {_HOW}")
    bank = bank or DEFAULT_BANK
    if not _BANK.fullmatch(bank):
        raise BankError(
            f"{bank!r} cannot be a bank's name on a server: small letters, digits and _, at most "
            f"63, not beginning with a digit or pg_; {_HOW}"
        )
    given = {
        "host": unquote(host) if host else None,
        "port": str(port) if port else None,
        "user": unquote(user) if user else None,
        "password": unquote(password) if password else None,
        "dbname": database,
    }
    parameters = {name: value for name, value in given.items() if value} | asked
    return PostgresAddress(parameters, bank, _shown(given, asked, bank), text)


def _shown(given: dict[str, str | None], asked: dict[str, str], bank: str) -> str:
    user = f"{quote(given['user'])}@" if given["user"] else ""
    port = f":{given['port']}" if given["port"] else ""
    host = quote(given["host"], safe="") if given["host"] else ""
    harmless = {name: value for name, value in asked.items() if name not in _SECRET}
    query = f"?{urlencode(harmless, safe='/')}" if harmless else ""
    return f"postgresql://{user}{host}{port}/{quote(given['dbname'] or '')}/{bank}{query}"
