from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medsiam.errors import ScanError
from medsiam.scans.picture_head import check_picture

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, content: bytes = b"") -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int, more: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG + head + more + chunk(b"IEND")


def jpeg(more: bytes = b"", size: tuple[int, int] = (64, 64), **how) -> bytes:
    """A JPEG with bytes behind its first marker."""
    data = io.BytesIO()
    Image.new("RGB", size).save(data, "JPEG", **how)
    return data.getvalue()[:2] + more + data.getvalue()[2:]


def tiff(pages: int, *, order: str = "<", last: int = 0, width: int = 4) -> bytes:
    """A TIFF whose pages are directories of one tag; `last` is where the last one leads."""
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    for page in range(pages):
        follows = len(data) + 18 if page < pages - 1 else last
        data += struct.pack(f"{order}HHHIII", 1, 256, 4, 1, width, follows)
    return data


def pages_of(data: bytes) -> int:
    file = io.BytesIO(data)
    pages = check_picture(file, Path("x"))
    assert file.tell() == 0
    return pages


def code_of(data: bytes) -> str:
    start = time.monotonic()
    with pytest.raises(ScanError) as caught:
        pages_of(data)
    assert time.monotonic() - start < 2
    return caught.value.code


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_what_pillow_writes_passes(form, mode):
    if (form, mode) == ("PNG", "CMYK"):
        return
    data = io.BytesIO()
    Image.new(mode, (30, 20)).save(data, form)
    assert pages_of(data.getvalue()) == 1
    assert pages_of(jpeg(progressive=True)) == 1


@pytest.mark.parametrize("big", [False, True])
def test_pages_are_those_that_pillow_counts(big):
    data = io.BytesIO()
    images = [Image.fromarray(np.full((3, 4), k, np.uint8)) for k in range(7)]
    images[0].save(data, "TIFF", save_all=True, append_images=images[1:], big_tiff=big)
    assert pages_of(data.getvalue()) == 7


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(order):
    assert pages_of(tiff(3, order=order)) == 3


BOMBS = {
    "PNG of 60000 x 60000": (png(60_000, 60_000), "too_large"),
    "PNG of 10000 x 10000": (png(10_000, 10_000), "too_large"),
    "PNG of a million chunks": (png(1, 1, chunk(b"abCd") * 1_000_000), "expands_too_much"),
    "PNG of many frames": (png(1, 1, chunk(b"acTL", struct.pack(">II", 10**9, 0))), "too_large"),
    "JPEG of 60000 x 60000": (
        jpeg(b"\xff\xc0" + struct.pack(">HBHHB", 8, 8, 60_000, 60_000, 0)),
        "too_large",
    ),
    "JPEG of empty comments": (jpeg(b"\xff\xfe\0\2" * 3_000_000), "expands_too_much"),
    "JPEG of filling": (jpeg(b"\xff" * 20_000_000), "expands_too_much"),
    "JPEG of lone markers": (jpeg(b"\xff\xd0" * 10_000_000), "expands_too_much"),
    "JPEG of escapes": (jpeg(b"\xff\x00" * 10_000_000), "expands_too_much"),
    "JPEG of passes": (jpeg(size=(3000, 3000)) + b"\xff\xda\0\0" * 200, "expands_too_much"),
    "TIFF in a circle": (tiff(3, last=8), "damaged_image"),
    "TIFF of 10001 pages": (tiff(10_001), "too_large"),
    "TIFF of no page": (b"II*\0" + bytes(4), "damaged_image"),
    "TIFF that leads nowhere": (tiff(3, last=10**9), "truncated_pixels"),
    "TIFF of tags": (
        b"II*\0"
        + struct.pack("<I", 8)
        + b"".join(
            struct.pack("<H", 65_535)
            + bytes(12 * 65_535)
            + struct.pack("<I", 8 + (k + 1) * (12 * 65_535 + 6))
            for k in range(6)
        ),
        "too_large",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_from_the_header(name):
    data, code = BOMBS[name]
    assert code_of(data) == code
