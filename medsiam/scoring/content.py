"""What a series holds, as a hash of the bytes of its files, taken before anything is decoded.

The same bytes, decoded by the same program, are the same pixels; and to look at bytes is cheap
beside decoding them. Size and time of change alone would take a file that was replaced for its
predecessor.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from medsiam.scans import ScanSource

_GROWTH, _GROWTH_COMPRESSED = 4, 12
_Stamp = tuple[tuple[int, int, int], ...]


def content_of(source: ScanSource) -> str | None:
    """Return the hash, or None where a file cannot be read: to read it will say why."""
    digest = hashlib.sha256(f"{source.kind} {source.part}\n".encode())
    try:
        for archive in source.archives:
            digest.update(_hash_of_archive(archive.path, _stamp(archive.path)))
        for path in _loose(source):
            digest.update(_hash_of(path))
    except OSError:
        return None
    for file in source.files if source.archives else ():
        digest.update(b"\n" + str(file).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def stamp_of(source: ScanSource) -> _Stamp | None:
    """Return what changes when somebody writes to a file meanwhile; None where one is gone."""
    try:
        archives = [archive.path for archive in source.archives]
        return tuple(_stamp(path) for path in (*archives, *_loose(source)))
    except OSError:
        return None


def memory_for(source: ScanSource) -> int:
    """Return how many bytes reading and preparing may take, as far as the files tell.

    What is stored as 2 bytes is decoded as 4, and once more as the encoder's input takes shape;
    compressed files hold more than they weigh.
    """
    unpacked = {file: entry.unpacked for a in source.archives for file, entry in a.entries.items()}
    total = 0
    for file in source.files:
        if file in unpacked:
            total += unpacked[file]
            continue
        try:
            total += file.stat().st_size
        except OSError:
            continue  # to read it will say so
    return total * (_GROWTH if _is_plain(source) else _GROWTH_COMPRESSED)


def _is_plain(source: ScanSource) -> bool:
    if source.kind == "dicom":
        return "Endian" in (source.transfer_syntax or "")
    return source.kind == "nifti" and source.path.suffix != ".gz"


def _loose(source: ScanSource) -> list[Path]:
    """The files that lie in no archive."""
    packed = {file for archive in source.archives for file in archive.entries}
    return [file for file in source.files if file not in packed]


def _hash_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@lru_cache(maxsize=64)
def _hash_of_archive(path: Path, stamp: tuple[int, int, int]) -> bytes:
    """Once for all series in it, for as long as nobody writes to it."""
    return _hash_of(path)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino
