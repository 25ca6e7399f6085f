from __future__ import annotations

import hashlib

import pytest

from medsiam.bank.patients import hash_patient, new_salt
from medsiam.errors import UsageError


def hmac_by_hand(key: bytes, message: bytes) -> str:
    """RFC 2104, written out."""
    padded = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(k ^ 0x36 for k in padded) + message).digest()
    return hashlib.sha256(bytes(k ^ 0x5C for k in padded) + inner).hexdigest()


def test_the_hash_is_hmac_sha256_shortened():
    salt = bytes(range(32))
    assert hash_patient("p01", salt) == hmac_by_hand(salt, b"p01")[:16]
    assert hash_patient("Jörg", salt) == hmac_by_hand(salt, "Jörg".encode())[:16]


def test_white_space_around_does_not_count_and_the_salt_does():
    salt = new_salt()
    assert hash_patient(" p01\n", salt) == hash_patient("p01", salt)
    assert hash_patient("p01", salt) != hash_patient("p02", salt)
    assert hash_patient("p01", salt) != hash_patient("p01", new_salt())


@pytest.mark.parametrize("empty", ["", "  \t"])
def test_nobody_is_not_hashed(empty):
    with pytest.raises(UsageError, match="empty"):
        hash_patient(empty, new_salt())
