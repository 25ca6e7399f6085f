from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans.gzipped import Gzipped


def unpacked(data: bytes, size: int = 1 << 20) -> bytes:
    packed = Gzipped(io.BytesIO(data), Path("x"))
    found = b""
    while piece := packed.read(size):
        assert len(piece) <= size
        found += piece
    return found


def code_of(data: bytes) -> str:
    with pytest.raises(ScanError) as caught:
        unpacked(data)
    return caught.value.code


NOISE = os.urandom(700_000)


@pytest.mark.parametrize("size", [1000, 65_536, 1 << 22])
@pytest.mark.parametrize("content", [b"", b"x", NOISE, bytes(3_000_000), NOISE + bytes(900_000)])
def test_what_comes_out_is_what_gzip_says(content, size):
    data = gzip.compress(content)
    assert unpacked(data, size) == gzip.decompress(data)


def test_several_members_names_and_zeros_behind():
    named = io.BytesIO()
    with gzip.GzipFile("a name.nii", "wb", fileobj=named) as file:
        file.write(NOISE)
    data = named.getvalue() + gzip.compress(b"") + gzip.compress(b"end") + bytes(600_000)
    assert unpacked(data) == gzip.decompress(data) == NOISE + b"end"


def test_damage_and_cuts():
    data = bytearray(gzip.compress(NOISE))
    assert code_of(bytes(data[:-300])) == "truncated_pixels"
    assert code_of(bytes(data[:-4])) == "truncated_pixels"
    assert code_of(bytes(data) + b"more") == "damaged_nifti"
    data[-8] ^= 0xFF  # the checksum
    assert code_of(bytes(data)) == "damaged_nifti"


def test_long_names_and_empty_members_do_not_hold_it_up():
    long_name = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 30_000_000
    start = time.monotonic()
    assert code_of(long_name) == "truncated_pixels"
    assert code_of(gzip.compress(b"") * 500_000) == "expands_too_much"
    assert time.monotonic() - start < 1
