"""A word in an address that opens one volume for one visitor, for less than a day."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

_HALF_LIFE = 12 * 3600  # seconds; tokens change when it has passed, and end one later
_SECRET = secrets.token_bytes(32)  # of this process: nothing that was signed outlives it


def signed(volume_id: str, visitor: str, now: float | None = None) -> str:
    """Return the token; it says nothing of the visitor."""
    period = int((time.time() if now is None else now) // _HALF_LIFE)
    return f"{volume_id}.{period}.{_signature(volume_id, visitor, period)}"


def opened(token: str, visitor: str, now: float | None = None) -> str | None:
    """Return the volume that a token names, or None where it is not this visitor's or too old."""
    volume_id, _, rest = token.partition(".")
    period, _, signature = rest.partition(".")
    if not (period.isascii() and period.isdigit() and len(period) < 12 and signature.isascii()):
        return None
    if not visitor or not hmac.compare_digest(
        signature, _signature(volume_id, visitor, int(period))
    ):
        return None
    age = int((time.time() if now is None else now) // _HALF_LIFE) - int(period)
    return volume_id if age in (0, 1) else None


def _signature(volume_id: str, visitor: str, period: int) -> str:
    said = "\n".join((volume_id, str(period), visitor)).encode()
    return hmac.new(_SECRET, said, hashlib.sha256).hexdigest()
