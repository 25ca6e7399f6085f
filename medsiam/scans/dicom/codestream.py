"""What a compressed picture says of itself, before a decoder written in C believes it.

Decoders take memory and time for the size that the stream promises, whatever the header says, and
some never end on a file wrapper that DICOM does not allow. JPEG: ITU-T T.81 annex B; JPEG-LS: T.87
annex C; JPEG 2000: T.800 annex A.
"""

from __future__ import annotations

import struct
from pathlib import Path

from medsiam.scans.faults import fault

_J2K_START = b"\xff\x4f\xff\x51"  # start of codestream, then the size segment
_JPEG_START = b"\xff\xd8"
# Segments that begin a frame of some coding process; C4, C8 and CC are other things.
_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_SCAN = 0xDA
_MAX_TILES = 65_535  # T.800 A.4.2
_MAX_SEGMENTS = 10_000


def plain_stream(frame: bytes) -> bytes:
    """Return a JPEG 2000 codestream without the file around it (PS3.5 A.4.4 allows none)."""
    if is_codestream(frame):
        return frame
    start = frame.find(_J2K_START)
    return frame[start:] if start > 0 and not frame.startswith(_JPEG_START) else frame


def is_codestream(frame: bytes) -> bool:
    """Return True for the beginning of a JPEG 2000 codestream."""
    return frame.startswith(_J2K_START)


def check_stream(frame: bytes, columns: int, rows: int, path: Path) -> None:
    """Refuse a stream that holds a picture of another size than the header says.

    A stream of a kind that is not known here is left to its decoder.

    Args:
        frame: one compressed picture.
        columns: as the header says.
        rows: as the header says.
        path: for messages.

    Raises:
        ScanError: `damaged_pixels`.
    """
    size: tuple[int, int] | None
    try:
        if is_codestream(frame):
            size = _j2k_size(frame, path)
        elif frame.startswith(_JPEG_START):
            size = _jpeg_size(frame)
        else:
            return
    except struct.error:
        raise fault("truncated_pixels", path, "the compressed pixel data end early") from None
    if size is not None and size != (columns, rows):
        what = f"a picture of {size[0]} x {size[1]} where the header says {columns} x {rows}"
        raise fault("damaged_pixels", path, what)


def _j2k_size(frame: bytes, path: Path) -> tuple[int, int]:
    right, bottom, left, top, tile_x, tile_y, tile_left, tile_top = struct.unpack_from(
        ">8I", frame, 8
    )
    if not tile_x or not tile_y or right <= left or bottom <= top:
        raise fault("damaged_pixels", path, "a JPEG 2000 stream of no size")
    tiles = -(-(right - tile_left) // tile_x) * -(-(bottom - tile_top) // tile_y)
    if tiles > _MAX_TILES:
        raise fault("damaged_pixels", path, f"a JPEG 2000 stream of {tiles} tiles")
    return right - left, bottom - top


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while frame[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        start, kind, length = struct.unpack_from(">BBH", frame, at)
        if start != 0xFF or kind == _SCAN:
            return None
        if kind in _FRAME:
            rows, columns = struct.unpack_from(">HH", frame, at + 5)
            return columns, rows
        at += 2 + length
    return None
