"""Files that are small and cost much. Built when asked for, since some are large themselves."""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
import zlib
from collections.abc import Callable

from PIL import Image
from pydicom.uid import JPEG2000, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from tests.scans import hostile_dicom as dicom
from tests.scans.fault_fixtures import nifti_bytes, with_elements, zip_bytes
from tests.scans.written import dataset

MIB, GIB = 1 << 20, 1 << 30

BOMBS: dict[str, Callable[[], bytes]] = {}


def bomb(name: str) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    def keep(build: Callable[[], bytes]) -> Callable[[], bytes]:
        BOMBS[name] = build
        return build

    return keep


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        out += struct.pack(">I", len(body)) + kind + body
        out += struct.pack(">I", zlib.crc32(kind + body))
    return out


def _head(columns: int, rows: int, *, bits: int = 8, colour: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", columns, rows, bits, colour, 0, 0, 0)


def _zeros(size: int, start: bytes = b"") -> bytes:
    packer = zlib.compressobj(9)
    out = packer.compress(start)
    for _ in range(size >> 20):
        out += packer.compress(bytes(MIB))
    return out + packer.flush()


def _gzip_zeros(size: int, start: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(start)
        for _ in range(size >> 20):
            packed.write(bytes(MIB))
    return stream.getvalue()


_IEND = (b"IEND", b"")
_PIXEL = (b"IDAT", zlib.compress(b"\0\7"))

# --- DICOM
BOMBS["deflated DICOM, 486 MB of pixels"] = lambda: dicom.deflated(486 * MIB)
BOMBS["deflated DICOM, 4 GiB of pixels"] = lambda: dicom.deflated(4 * GIB - 2)
BOMBS["deflated DICOM, 1 GiB in front of the pixels"] = lambda: dicom.deflated(GIB, in_pixels=False)
BOMBS["DICOM header of 60000 x 60000"] = lambda: with_elements(Rows=60000, Columns=60000)
BOMBS["DICOM header of 10^9 frames"] = lambda: with_elements(NumberOfFrames=10**9)
BOMBS["DICOM sequences 249 deep"] = lambda: dicom.nested(249)
BOMBS["DICOM sequences 5,000 deep"] = lambda: dicom.nested(5000)
BOMBS["DICOM sequences 2,000 deep, with lengths"] = lambda: dicom.nested(2000, defined=True)


@bomb("DICOM private element that promises 4 GB")
def _() -> bytes:
    huge = struct.pack("<HH2sHI", 0x0051, 0x1010, b"OB", 0, 0xFFFFFFF0)
    return dicom.before_pixels(dicom.file_bytes(), huge)


@bomb("DICOM private element of 300 MB in front of the pixels")
def _() -> bytes:
    return dicom.before_pixels(
        dicom.file_bytes(), dicom.element((0x0051, 0x1010), b"OB", bytes(300 * MIB))
    )


@bomb("DICOM pixel data that promise 4 GB")
def _() -> bytes:
    ds = dataset(dicom.PIXELS, Rows=16000, Columns=16000)
    ds.PixelData = bytes(64)
    whole = dicom.saved(ds)
    at = whole.rindex(struct.pack("<HH", 0x7FE0, 0x0010)) + 8
    return whole[:at] + struct.pack("<I", 0xFFFFFFFE) + whole[at + 4 :]


def _compressed(syntax: str, stream: bytes, side: int = 16000) -> bytes:
    return dicom.encapsulated(syntax, stream, Rows=side, Columns=side)


@bomb("JPEG 2000 in DICOM, 60000 x 60000 behind a small header")
def _() -> bytes:
    return dicom.encapsulated(JPEG2000, dicom.codestream_2000(60000, 60000))


@bomb("JPEG 2000 in DICOM, 16000 x 16000 of nothing")
def _() -> bytes:
    return _compressed(JPEG2000Lossless, dicom.codestream_2000(16000, 16000))


@bomb("JPEG 2000 in DICOM, tiles of one pixel")
def _() -> bytes:
    stream = dicom.codestream_2000(16000, 16000, tile=(1, 1))
    return _compressed(JPEG2000Lossless, stream)


def _jpeg_header(columns: int, rows: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG")
    raw = bytearray(stream.getvalue())
    at = raw.index(b"\xff\xc0") + 5
    raw[at : at + 4] = struct.pack(">HH", rows, columns)
    return bytes(raw)


@bomb("JPEG in DICOM, 60000 x 60000 behind a small header")
def _() -> bytes:
    stream = _jpeg_header(60000, 60000)
    return dicom.encapsulated(JPEGBaseline8Bit, stream, BitsAllocated=8, BitsStored=8, HighBit=7)


@bomb("JPEG-LS in DICOM, 60000 x 60000 behind a small header")
def _() -> bytes:
    head = struct.pack(">HHBHHBBBB", 0xFFF7, 11, 16, 60000, 60000, 1, 1, 0x11, 0)
    scan = struct.pack(">HHBBBBBB", 0xFFDA, 8, 1, 1, 0, 0, 0, 0)
    return dicom.encapsulated(JPEGLSLossless, b"\xff\xd8" + head + scan + bytes(64) + b"\xff\xd9")


@bomb("RLE in DICOM, segments that repeat beyond the frame")
def _() -> bytes:
    body = b"\x81\0" * (2 * MIB)  # 128 zeros from two bytes
    return dicom.encapsulated(RLELossless, dicom.rle(2, [64, 64], body))


@bomb("RLE in DICOM, 16000 x 16000 of segments that lie")
def _() -> bytes:
    return _compressed(RLELossless, dicom.rle(15, [64] * 15, bytes(64)))


@bomb("DICOM palette that promises 65536 entries and has none")
def _() -> bytes:
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (("Descriptor", [0, 0, 16]), ("Data", b"\0\0"))
    }
    return with_elements(PhotometricInterpretation="PALETTE COLOR", **palette)


@bomb("DICOM segmented palette that repeats itself")
def _() -> bytes:
    linear = struct.pack("<3H", 1, 65535, 65535) * 2000
    palette = {
        f"{colour}PaletteColorLookupTableDescriptor": [0, 0, 16]
        for colour in ("Red", "Green", "Blue")
    }
    palette |= {
        f"Segmented{colour}PaletteColorLookupTableData": linear
        for colour in ("Red", "Green", "Blue")
    }
    return with_elements(PhotometricInterpretation="PALETTE COLOR", **palette)


# --- NIfTI


def _nifti_head(x: int, y: int, z: int) -> bytes:
    return nifti_bytes(patches={40: struct.pack("<4h", 3, x, y, z)})[:352]


BOMBS["NIfTI dims of 30000 x 30000 x 30000"] = lambda: _nifti_head(30000, 30000, 30000)
BOMBS["NIfTI dims of 800 x 800 x 800 without voxels"] = lambda: _nifti_head(800, 800, 790)
BOMBS["gzip NIfTI, 2 GiB behind small dims"] = lambda: _gzip_zeros(2 * GIB, _nifti_head(8, 8, 8))
BOMBS["gzip NIfTI, 30000 a side"] = lambda: _gzip_zeros(64 * MIB, _nifti_head(30000, 30000, 300))
BOMBS["gzip of 2 GiB of nothing"] = lambda: _gzip_zeros(2 * GIB)


@bomb("gzip NIfTI with a header extension of 2 GB")
def _() -> bytes:
    head = nifti_bytes(patches={108: struct.pack("<f", 2.0e9)})[:352]
    return _gzip_zeros(GIB, head)


# --- ZIP


@bomb("ZIP, one entry of 1 GiB")
def _() -> bytes:
    stream = io.BytesIO()
    archive = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("a.dcm", "w", force_zip64=True) as entry:
        for _ in range(1024):
            entry.write(bytes(MIB))
    return stream.getvalue()


@bomb("ZIP, 2,000 overlapping entries")
def _() -> bytes:
    """All names in the directory lead to the same packed bytes."""
    whole = zip_bytes({"a.dcm": bytes(8 * MIB)})
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    names = [b"%05d.dcm" % i for i in range(2000)]
    entry = whole[start:end]
    directory = b"".join(
        entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name for name in names
    )
    tail = struct.pack(
        "<IHHHHIIH", 0x06054B50, 0, 0, len(names), len(names), len(directory), start, 0
    )
    return whole[:start] + directory + tail


@bomb("ZIP, 60,000 empty entries")
def _() -> bytes:
    return zip_bytes({f"{i}.dcm": b"" for i in range(60_000)}, zipfile.ZIP_STORED)


@bomb("ZIP within ZIP within ZIP")
def _() -> bytes:
    inner = zip_bytes({"a.dcm": bytes(64 * MIB)})
    for _ in range(5):
        inner = zip_bytes({f"{i}.zip": inner for i in range(8)})
    return inner


@bomb("ZIP, 100 entries at a hundredfold")
def _() -> bytes:
    inner = os.urandom(200_000) + bytes(40 * MIB)
    return zip_bytes({f"{i}.dcm": inner for i in range(60)})


# --- pictures
BOMBS["PNG header of 60000 x 60000"] = lambda: _png(_head(60000, 60000), _PIXEL, _IEND)
BOMBS["PNG, 16000 x 16000 of one pixel"] = lambda: _png(_head(16000, 16000), _PIXEL, _IEND)
BOMBS["JPEG header of 60000 x 60000"] = lambda: _jpeg_header(60000, 60000)


@bomb("PNG, 1 GiB in a text chunk")
def _() -> bytes:
    return _png(_head(1, 1), (b"zTXt", b"a\0\0" + _zeros(GIB)), _PIXEL, _IEND)


@bomb("PNG, 1 GiB in a colour profile")
def _() -> bytes:
    return _png(_head(1, 1), (b"iCCP", b"a\0\0" + _zeros(GIB)), _PIXEL, _IEND)


@bomb("PNG, 15000 x 15000 of zeros, 16 bits")
def _() -> bytes:
    size = 15000 * (15000 * 2 + 1)
    return _png(_head(15000, 15000, bits=16), (b"IDAT", _zeros(size)), _IEND)


@bomb("TIFF header of 60000 x 60000")
def _() -> bytes:
    tags = {256: (4, 60000), 257: (4, 60000), 258: (3, 8), 259: (3, 1), 262: (3, 1)}
    tags |= {273: (4, 8), 277: (3, 1), 278: (4, 60000), 279: (4, 4)}
    ifd = struct.pack("<H", len(tags))
    for tag, (kind, value) in sorted(tags.items()):
        ifd += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", 12) + bytes(4) + ifd + bytes(4)


@bomb("TIFF, directories in a circle")
def _() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "TIFF")
    raw = bytearray(stream.getvalue())
    (ifd,) = struct.unpack("<I", raw[4:8])
    (count,) = struct.unpack("<H", raw[ifd : ifd + 2])
    after = ifd + 2 + 12 * count
    raw[after : after + 4] = struct.pack("<I", ifd)
    return bytes(raw)
