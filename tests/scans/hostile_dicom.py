"""DICOM bytes that no library would write: bombs, lies and endless nesting. Tests only."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from tests.scans.written import dataset

PIXELS = np.arange(48, dtype=np.uint16).reshape(6, 8)


def file_bytes(**how) -> bytes:
    """A small valid CT slice, as `written.dataset` makes it."""
    return saved(dataset(PIXELS, **how))


def saved(ds) -> bytes:
    stream = io.BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def meta_and_data(whole: bytes) -> tuple[bytes, bytes]:
    """Divide a file behind its file meta group."""
    length = struct.unpack("<I", whole[140:144])[0]
    return whole[: 144 + length], whole[144 + length :]


def with_syntax(whole: bytes, uid: str) -> bytes:
    """The same bytes under the name of another transfer syntax, file meta group put right."""
    ds = pydicom.dcmread(io.BytesIO(whole))
    _, data = meta_and_data(whole)
    ds.file_meta.TransferSyntaxUID = uid
    stream = io.BytesIO()
    pydicom.filewriter.write_file_meta_info(stream, ds.file_meta, enforce_standard=True)
    return b"\0" * 128 + b"DICM" + stream.getvalue() + data


def element(tag: tuple[int, int], vr: bytes, value: bytes, *, length: int | None = None) -> bytes:
    """One explicit little-endian element; `length` may lie."""
    n = len(value) if length is None else length
    if vr in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
        return struct.pack("<HH2sHI", *tag, vr, 0, n) + value
    return struct.pack("<HH2sH", *tag, vr, n) + value


def before_pixels(whole: bytes, extra: bytes) -> bytes:
    """Put elements in front of the pixel data."""
    at = whole.rindex(struct.pack("<HH", 0x7FE0, 0x0010))
    return whole[:at] + extra + whole[at:]


def nested(depth: int, *, defined: bool = False) -> bytes:
    """A CT slice with sequences within sequences; with lengths written out or left open."""
    if defined:
        inner = b""
        for _ in range(depth):
            item = struct.pack("<HHI", 0xFFFE, 0xE000, len(inner)) + inner
            inner = element((0x0040, 0xA730), b"SQ", item)
        return before_pixels(file_bytes(), inner)
    opened = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF)
    opened += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closed = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return before_pixels(file_bytes(), opened * depth + closed * depth)


def deflated(size: int, *, in_pixels: bool = True) -> bytes:
    """A deflated data set of about `size` bytes once inflated, at a thousandth of it."""
    meta, data = meta_and_data(file_bytes())
    at = data.rindex(struct.pack("<HH", 0x7FE0, 0x0010))
    if in_pixels:
        head = data[:at] + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size)
        tail = b""
    else:  # in a private element in front of the pixels, which are in order
        head = data[:at] + element((0x0051, 0x0010), b"LO", b"FILL")
        head += struct.pack("<HH2sHI", 0x0051, 0x1010, b"OB", 0, size)
        tail = data[at:]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(head)
    zeros = bytes(1 << 20)
    for _ in range(size >> 20):
        body += packer.compress(zeros)
    body += packer.compress(bytes(size & ((1 << 20) - 1)) + tail) + packer.flush()
    whole = with_syntax(meta + data, DeflatedExplicitVRLittleEndian)
    return meta_and_data(whole)[0] + body


def encapsulated(syntax: str, stream: bytes, **elements) -> bytes:
    """A slice whose compressed pixel data are `stream`, whatever that is."""
    ds = dataset(PIXELS)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta.TransferSyntaxUID = syntax
    return saved(ds)


def codestream_2000(columns: int, rows: int, *, tile: tuple[int, int] | None = None) -> bytes:
    """The header of a JPEG 2000 code stream of that size, with next to nothing behind it."""
    wide, high = tile or (columns, rows)
    size = struct.pack(">HHIIIIIIIIHBBB", 41, 0, columns, rows, 0, 0, wide, high, 0, 0, 1, 15, 1, 1)
    cod = bytes.fromhex("ff52000c00000001000504040001")
    qcd = bytes.fromhex("ff5c00134040484850484850484850484850484850")
    sot = struct.pack(">HHHIBB", 0xFF90, 10, 0, 0, 0, 1)
    return b"\xff\x4f\xff\x51" + size + cod + qcd + sot + b"\xff\x93" + bytes(8) + b"\xff\xd9"


def rle(segments: int, offsets: list[int], body: bytes) -> bytes:
    """An RLE frame whose header says what it likes."""
    return struct.pack("<16I", segments, *(offsets + [0] * 15)[:15]) + body


PLAIN = ExplicitVRLittleEndian
