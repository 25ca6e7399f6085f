from __future__ import annotations

import contextlib
import io
import struct
import time
import zipfile
from pathlib import Path

import pytest

from medsiam.errors import ScanError
from medsiam.scans.zip_directory import MAX_ENTRIES, read_directory


def zipped(files: dict[str, bytes], method=zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def code_of(data: bytes) -> str:
    with pytest.raises(ScanError) as caught:
        read_directory(io.BytesIO(data), Path("x.zip"))
    return caught.value.code


def as_zipfile_sees_it(data: bytes):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [
            (i.filename, i.compress_type, i.CRC, i.compress_size, i.file_size, i.header_offset)
            for i in archive.infolist()
            if not i.is_dir()
        ]


def as_seen(data: bytes):
    return [
        (e.name, e.method, e.crc, e.packed, e.unpacked, e.offset)
        for e in read_directory(io.BytesIO(data), Path("x.zip"))
    ]


FILES = {"a/b.dcm": b"words " * 99, "a/": b"", "é/スキャン": b"1", "x": b"x", "empty": b""}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_directory_is_that_of_zipfile(method):
    data = zipped(FILES, method)
    assert len(as_seen(data)) == 4
    assert as_seen(data) == as_zipfile_sees_it(data)


def test_something_in_front_and_a_comment_behind():
    buffer = io.BytesIO(b"#!/bin/sh of a self-unpacking archive\n")
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("a", b"abc")
        archive.comment = b"PK\x05 not the end" * 99
    assert as_seen(buffer.getvalue()) == as_zipfile_sees_it(buffer.getvalue())
    shifted = b"in front" + zipped(FILES)
    assert as_seen(shifted) == as_zipfile_sees_it(shifted)


def test_long_sizes_and_a_long_end(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # so that everything is written as ZIP64
    data = zipped({"a": bytes(500), "b": b"1" * 300, "c": b"x"}, zipfile.ZIP_STORED)
    assert b"PK\x06\x06" in data
    assert as_seen(data) == as_zipfile_sees_it(data)


def test_an_archive_of_nothing():
    assert as_seen(zipped({})) == []


@pytest.mark.parametrize("cut", [1, 30, 60, 200])
def test_a_cut_archive_is_damaged(cut):
    assert code_of(zipped(FILES)[:-cut]) == "damaged_archive"


def test_an_encrypted_entry_refuses_the_archive():
    data = bytearray(zipped({"a": b"abc"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert code_of(bytes(data)) == "encrypted_archive"


@pytest.mark.parametrize("n", [MAX_ENTRIES + 1, 65_535, 100_000])
@pytest.mark.parametrize("is_honest", [True, False])
def test_too_many_entries_are_refused_at_once(n, is_honest):
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 1, 0, 0) + bytes(12) + b"a"
    directory = entry * n
    count = min(n, 0xFFFF) if is_honest else 1
    end = struct.pack("<4s4xHHIIH", b"PK\x05\x06", count, count, len(directory), 0, 0)
    start = time.monotonic()
    assert code_of(directory + end) == "expands_too_much"
    assert time.monotonic() - start < 1


def test_entries_that_share_their_bytes_are_refused():
    data = bytearray(zipped({"a": b"1" * 50, "b": b"2" * 50}))
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)  # where "a" begins as well
    assert code_of(bytes(data)) == "damaged_archive"


def test_bytes_changed_at_random_end_as_entries_or_a_fault():
    data = zipped(FILES)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0xFF
        with contextlib.suppress(ScanError):  # and nothing else
            read_directory(io.BytesIO(bytes(changed)), Path("x.zip"))
