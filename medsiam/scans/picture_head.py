"""What a PNG, JPEG or TIFF promises, checked before Pillow opens it.

Pillow has ceilings of its own on pixels and texts. Here are those that it lacks: on the number of
chunks, segments, passes and pages, each of which can be huge in a small file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from medsiam.scans.faults import fault
from medsiam.scans.limits import MAX_PARTS, check_size

MAX_PIXELS = 89_478_485  # of one picture: where Pillow begins to suspect a bomb
_MOST_CHUNKS = 100_000  # of a PNG; 8 kB each are usual
_MOST_SEGMENTS = 10_000  # of a JPEG before its first pixels
_MOST_TAGS = 300_000  # of a TIFF, all pages together
_USUAL_PASSES = 20  # of a progressive JPEG
_MOST_PASSED = 1_000_000_000  # pixels times passes, beyond the usual passes
_CHUNK = 1 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_SOI, _SOS = b"\xff\xd8", b"\xff\xda"
# JPEG markers without a length; 0 is none, but Pillow steps over it.
_ALONE = {0x00, 0x01, *range(0xD0, 0xD9)}


def check_pixels(path: Path, size: tuple[int, int]) -> None:
    """Refuse a picture beyond the ceilings.

    Raises:
        ScanError: `too_large`.
    """
    check_size(path, size)
    if size[0] * size[1] > MAX_PIXELS:
        raise fault("too_large", path, f"more than {MAX_PIXELS:,} pixels")


def check_picture(file: BinaryIO, path: Path) -> int:
    """Return how many pages a picture has; 1 for PNG and JPEG. The file is at its start again.

    Args:
        file: open.
        path: its name for messages.

    Raises:
        ScanError: `too_large`, `expands_too_much`, `damaged_image`, `truncated_pixels`.
    """
    file.seek(0)
    head = file.read(8)
    try:
        if head == _PNG:
            _check_png(file, path)
        elif head.startswith(_SOI):
            _check_jpeg(file, path)
        else:
            return _pages(file, head, path)
    except struct.error:
        raise fault("truncated_pixels", path, "it ends within its header") from None
    finally:
        file.seek(0)
    return 1


def _check_png(file: BinaryIO, path: Path) -> None:
    for number in range(_MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return  # Pillow says what is missing
        length, name = struct.unpack(">I4s", head)
        if number == 0 and name == b"IHDR":
            width, height = struct.unpack(">II", file.read(8))
            check_pixels(path, (width, height))
            length -= 8
        if name == b"acTL":
            (frames,) = struct.unpack(">I", file.read(4))
            if frames > MAX_PARTS:
                raise fault("too_large", path, f"it holds {frames} frames; at most {MAX_PARTS}")
            length -= 4
        if name == b"IEND":
            return
        file.seek(length + 4, os.SEEK_CUR)
    raise fault("expands_too_much", path, f"it has more than {_MOST_CHUNKS} chunks")


def _check_jpeg(file: BinaryIO, path: Path) -> None:
    width, height = 0, 0
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        head = file.read(2)
        if len(head) < 2 or head[0] != 0xFF:
            return  # Pillow says what is wrong
        if head[1] == 0xFF:  # a marker may be filled up in front
            file.seek(-1, os.SEEK_CUR)
            continue
        if head[1] in _ALONE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if head[1] in {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">xHH", file.read(5))
            check_pixels(path, (width, height))
            length -= 5
        if head == _SOS:
            _check_passes(file, width * height, path)
            return
        file.seek(max(0, length - 2), os.SEEK_CUR)
    raise fault("expands_too_much", path, f"it has more than {_MOST_SEGMENTS} segments")


def _check_passes(file: BinaryIO, pixels: int, path: Path) -> None:
    """A progressive picture is painted once for each pass, and a pass may be a few bytes."""
    passes, last = 1, b""
    while data := file.read(_CHUNK):
        passes += (last + data).count(_SOS)
        last = data[-1:]
    if passes > _USUAL_PASSES and passes * pixels > _MOST_PASSED:
        raise fault("expands_too_much", path, f"{passes} passes over {pixels} pixels")


def _pages(file: BinaryIO, head: bytes, path: Path) -> int:
    """Count the pages of a TIFF by their chain of directories."""
    order = ">" if head.startswith(b"MM") else "<"
    is_big = head[2:4] in (b"+\0", b"\0+")  # BigTIFF
    count, tag, place = (f"{order}Q", 20, f"{order}Q") if is_big else (f"{order}H", 12, f"{order}I")
    file.seek(8 if is_big else 4)
    pages = tags = 0
    seen = set()
    for at in _chain(file, place):
        if at in seen:
            raise fault("damaged_image", path, "its pages go round in a circle")
        seen.add(at)
        pages += 1
        file.seek(at)
        (n,) = struct.unpack(count, file.read(struct.calcsize(count)))
        tags += n
        if pages > MAX_PARTS:
            raise fault("too_large", path, f"it holds more than {MAX_PARTS} pages")
        if tags > _MOST_TAGS:
            raise fault("too_large", path, f"its header has more than {_MOST_TAGS} tags")
        file.seek(n * tag, os.SEEK_CUR)
    if not pages:
        raise fault("damaged_image", path, "it holds no picture")
    return pages


def _chain(file: BinaryIO, place: str) -> Iterator[int]:
    while True:
        (at,) = struct.unpack(place, file.read(struct.calcsize(place)))
        if at == 0:
            return
        yield min(at, 2**62)
