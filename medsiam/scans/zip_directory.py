"""The directory of a ZIP archive, checked before anything is unpacked.

Read here and not by `zipfile`, which builds an object for each of a million entries before it can
be asked how many there are. Format: PKWARE's APPNOTE.TXT, with its ZIP64 extensions.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from medsiam.scans.faults import fault

MAX_ENTRIES = 5_000

_END, _END64, _LOCATOR64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY = struct.Struct("<4s4xHH4xIIIHHH8xI")  # 46 bytes, then name, extra fields, comment
_LOCAL = 30  # bytes before the name, where the data of an entry begin
_MOST_DIRECTORY = 1 << 23  # bytes, more than 1,600 for each of the most entries
_LONGEST_END = 76 + 22 + 0xFFFF  # with ZIP64's records and a comment
_LONG = 0xFFFFFFFF  # "see the ZIP64 field"
_ENCRYPTED, _UTF8 = 0x1, 0x800


@dataclass(frozen=True)
class Entry:
    """One file of an archive, as its directory describes it.

    Attributes:
        name: as stored; never to be used as a path.
        method: of compression.
        crc: of the unpacked bytes.
        packed, unpacked: bytes; what is promised, not what is there.
        offset: where its own header begins.
    """

    name: str
    method: int
    crc: int
    packed: int
    unpacked: int
    offset: int


def read_directory(file: BinaryIO, path: Path) -> tuple[Entry, ...]:
    """Return the files of an archive in stored order, its folders left out.

    Args:
        file: the archive.
        path: its name for messages.

    Raises:
        ScanError: `damaged_archive`, `encrypted_archive`, `expands_too_much`.
    """
    try:
        start, data, shift = _directory(file, path)
        entries = tuple(_entries(data, shift, path))
    except (struct.error, OverflowError):
        raise fault("damaged_archive", path, "its directory cannot be read") from None
    _refuse_overlap(entries, start, path)
    return tuple(entry for entry in entries if not entry.name.endswith(("/", "\\")))


def _directory(file: BinaryIO, path: Path) -> tuple[int, bytes, int]:
    """Return where the directory begins, its bytes, and by how much all offsets are shifted."""
    size = file.seek(0, os.SEEK_END)
    tail_at = max(0, size - _LONGEST_END)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        raise fault("damaged_archive", path, "a ZIP archive without its end")
    disk, count, length, offset, _ = struct.unpack_from("<4xH4xHIIH", tail, at)
    end = tail_at + at
    if at >= 76 and (tail[at - 20 : at - 16], tail[at - 76 : at - 72]) == (_LOCATOR64, _END64):
        count, length, offset = struct.unpack_from("<32xQQQ", tail, at - 76)
        end -= 76
    if disk not in (0, 0xFFFF):
        raise fault("damaged_archive", path, "one part of an archive in several parts")
    if count > MAX_ENTRIES or length > _MOST_DIRECTORY:
        what = f"it holds {count} entries; at most {MAX_ENTRIES} are unpacked"
        raise fault("expands_too_much", path, what)
    start = end - length
    if start < offset:
        raise fault("damaged_archive", path, "its end makes no sense")
    file.seek(start)
    return start, file.read(length), start - offset


def _entries(data: bytes, shift: int, path: Path) -> Iterator[Entry]:
    at = found = 0
    while at < len(data):
        magic, flags, method, crc, packed, unpacked, n, extra, comment, offset = _ENTRY.unpack_from(
            data, at
        )
        found += 1
        if magic != b"PK\x01\x02":
            raise fault("damaged_archive", path, "its directory makes no sense")
        if found > MAX_ENTRIES:
            what = f"it holds more than {MAX_ENTRIES} entries, which is the most that is unpacked"
            raise fault("expands_too_much", path, what)
        if flags & _ENCRYPTED:
            raise fault("encrypted_archive", path, "it is encrypted")
        at += _ENTRY.size
        name = data[at : at + n].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        sizes = _long(data[at + n : at + n + extra], unpacked, packed, offset)
        at += n + extra + comment
        yield Entry(name, method, crc, sizes[1], sizes[0], sizes[2] + shift)


def _long(extra: bytes, *values: int) -> list[int]:
    """Return the values, those that do not fit into 32 bits from the ZIP64 field."""
    at = 0
    while _LONG in values and at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        at += 4
        if kind == 1:
            longer = (
                value for (value,) in struct.iter_unpack("<Q", extra[at : at + (length & ~7)])
            )
            return [next(longer, value) if value == _LONG else value for value in values]
        at += length
    return list(values)


def _refuse_overlap(entries: Sequence[Entry], end: int, path: Path) -> None:
    """Entries that share their bytes make 46 MB unpack to petabytes (Fifield, WOOT 2019)."""
    for entry in sorted(entries, key=lambda entry: entry.offset, reverse=True):
        if entry.offset < 0 or entry.offset + _LOCAL + entry.packed > end:
            raise fault("damaged_archive", path, "its entries overlap or lie outside of it")
        end = entry.offset
