"""The only form in which a bank ever keeps a patient: a hash with the bank's own salt."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from medsiam.errors import UsageError

_HEX_DIGITS = 16


def new_salt() -> bytes:
    """Return a random salt for a new bank, so that two banks hash one patient differently."""
    return secrets.token_bytes(32)


def hash_patient(patient_id: str, salt: bytes) -> str:
    """Return the salted hash (HMAC-SHA-256, RFC 2104) of a patient's identifier.

    Args:
        patient_id: as the header or the table has it; white space around it does not count.
        salt: the bank's.

    Returns:
        16 hexadecimal digits.

    Raises:
        UsageError: the identifier is empty.
    """
    stripped = patient_id.strip()
    if not stripped:
        raise UsageError("the patient identifier is empty; leave it out where it is unknown")
    return hmac.new(salt, stripped.encode(), hashlib.sha256).hexdigest()[:_HEX_DIGITS]
