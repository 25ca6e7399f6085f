"""Bytes out of a gzip file, a limited number at a time.

Not by `gzip.open`: it walks through names and empty members of any length one byte or one call at
a time, which lets a small file hold up the reader for minutes.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import BinaryIO

from medsiam.scans.faults import fault

GZIP_MAGIC = b"\x1f\x8b"
MOST_RATIO = 1_100  # deflate cannot expand more than 1,032 times
_CHUNK = 1 << 18  # bytes read at a time
_MOST_EMPTY = 1_000  # members without content; some packers end with one
_GZIP = 16 + zlib.MAX_WBITS  # zlib reads gzip's header and checks its sum


class Gzipped:
    """An open gzip file, read from its beginning."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        file.seek(0)
        self._member = zlib.decompressobj(_GZIP)
        self._waiting = file.read(_CHUNK)
        self._came = False  # something out of this member
        self._empty = 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer only before the end, none at it.

        Raises:
            ScanError: `truncated_pixels`, `damaged_nifti`, `expands_too_much`.
        """
        while size > 0:
            if self._member.eof and not self._next_member():
                break
            if not self._waiting:
                self._waiting = self._file.read(_CHUNK)
            try:
                data = self._member.decompress(self._waiting, size)
            except zlib.error:
                what = "the compressed data are damaged"
                raise fault("damaged_nifti", self._path, what) from None
            at_end = not self._waiting
            self._waiting = self._member.unconsumed_tail
            if data:
                self._came = True
                return data
            if at_end and not self._member.eof:
                raise fault("truncated_pixels", self._path, "the compressed data end early")
        return b""

    def _next_member(self) -> bool:
        """Go on to the next of several gzip files in one; zeros may fill up the last."""
        rest = self._member.unused_data.lstrip(b"\0")
        while len(rest) < len(GZIP_MAGIC) and (more := self._file.read(_CHUNK)):
            rest = (rest + more).lstrip(b"\0")
        if not rest:
            return False
        if not rest.startswith(GZIP_MAGIC):
            raise fault("damaged_nifti", self._path, "something else follows the compressed data")
        self._empty += not self._came
        if self._empty > _MOST_EMPTY:
            raise fault("expands_too_much", self._path, "it is made of empty gzip members")
        self._member, self._waiting, self._came = zlib.decompressobj(_GZIP), rest, False
        return True
