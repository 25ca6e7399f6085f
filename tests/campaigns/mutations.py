"""Ways to spoil a valid file: by its structure (tag, VR, length, chunk, field) and by its bytes."""

from __future__ import annotations

import gzip
import io
import random
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass

from nibabel.nifti1 import Nifti1Header

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_VRS = (
    *(b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OW PN SH SL SQ SS ST TM".split()),
    *(b"UC UI UL UN UR US UT ??".split()),
)
_LENGTHS = (0, 1, 2, 3, 7, 255, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS = (
    *(b"", b"\0", b"0", b"-1", b"1e999", b"nan", b"inf", b"1\\2\\3\\4\\5\\6", b"\\", b"\\\\\\\\\\"),
    *(
        b"99999999999999999999",
        b"MONOCHROME1",
        b"PALETTE COLOR",
        b"RGB",
        b"YBR_FULL_422",
        b"MOSAIC",
    ),
    *(b"\x1b$B\xff\xfe", b"ISO 2022 IR 87", b"../../../x", b"\xff" * 40, b"A" * 5000),
    *(b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.4.90"),
    *(b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.70"),
)
# Elements that decide how the rest is read.
_DECIDING = [
    *((0x0028, low) for low in (2, 4, 6, 8, 0x10, 0x11, 0x30, 0x100, 0x101, 0x102, 0x103, 0x120)),
    *((0x0028, low) for low in (0x1050, 0x1051, 0x1052, 0x1053, 0x1101, 0x1201, 0x1221, 0x3000)),
    *((0x0020, low) for low in (0x32, 0x37, 0xE, 0xD)),
    *((0x0002, 0x0010), (0x0008, 0x0008), (0x0008, 0x0016), (0x0008, 0x0005), (0x0008, 0x0018)),
    *((0x0029, 0x1010), (0x0019, 0x100A), (0x7FE0, 0x0010), (0x5200, 0x9229), (0x5200, 0x9230)),
]


def mutated(name: str, whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return the file with one to four things wrong with it."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 4))):
        if chance.random() < 0.25:
            whole = _spoil_bytes(whole, others, chance)
        elif whole[:2] == b"\x1f\x8b":
            whole = _spoil_gzip(name, whole, others, chance)
        elif whole[:2] == b"PK":
            whole = _spoil_zip(whole, others, chance)
        elif whole[:4] == b"\x89PNG":
            whole = _spoil_png(whole, chance)
        elif name.endswith(".nii"):
            whole = _spoil_nifti(whole, chance)
        elif whole[128:132] == b"DICM" or name.endswith(".dcm"):
            whole = _spoil_dicom(whole, others, chance)
        else:
            whole = _spoil_bytes(whole, others, chance)
    return whole


# --- bytes


def _spoil_bytes(whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    raw = bytearray(whole)
    if not raw:
        return chance.randbytes(64)
    # Headers lie in front: most changes go there.
    at = min(int(len(raw) * chance.random() ** 3), len(raw) - 1)
    kind = chance.randrange(8)
    if kind == 0:
        raw[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        n = chance.randrange(1, 9)
        raw[at : at + n] = chance.randbytes(n)
    elif kind == 2:
        form = chance.choice("<>") + chance.choice("BHIQ")
        top = 256 ** struct.calcsize(form) - 1
        value = chance.choice((0, 1, top, top >> 1, (top >> 1) + 1, top - 1))
        raw[at : at + struct.calcsize(form)] = struct.pack(form, value)
    elif kind == 3:
        del raw[at:]
    elif kind == 4:
        del raw[at : at + chance.randrange(1, 40)]
    elif kind == 5:
        raw[at:at] = raw[at : at + chance.randrange(1, 200)] * chance.randrange(1, 5)
    elif kind == 6:
        other = chance.choice(others)
        start = chance.randrange(len(other) or 1)
        raw[at:at] = other[start : start + chance.randrange(1, 300)]
    else:
        other = chance.choice(others)
        raw[at:] = other[min(at, len(other)) :]
    return bytes(raw)


# --- DICOM


@dataclass(frozen=True)
class _Element:
    """Where an element and its parts begin; `end` is where the next begins."""

    start: int
    tag: tuple[int, int]
    explicit: bool
    length_at: int
    length_form: str
    value: int
    end: int


def _elements(raw: bytes) -> list[_Element]:
    """Walk the data set, into sequences and items as well, as far as it makes sense."""
    at = 132 if raw[128:132] == b"DICM" else 0
    found: list[_Element] = []
    order = "<"
    explicit = True
    in_meta = at == 132
    while at + 8 <= len(raw) and len(found) < 3000:
        if in_meta and raw[at : at + 2] != b"\x02\0":
            in_meta = False
            order = "<" if raw[at + 1] == 0 else ">"
            explicit = raw[at + 4 : at + 6].isalpha()
        group, low = struct.unpack(f"{order}HH", raw[at : at + 4])
        if group == 0xFFFE or not explicit:
            form, length_at = "I", at + 4
        elif raw[at + 4 : at + 6] in _LONG:
            form, length_at = "I", at + 8
        else:
            form, length_at = "H", at + 6
        size = struct.calcsize(form)
        if length_at + size > len(raw):
            break
        (length,) = struct.unpack(order + form, raw[length_at : length_at + size])
        value = length_at + size
        is_container = group == 0xFFFE or length == 0xFFFFFFFF or raw[at + 4 : at + 6] == b"SQ"
        end = value if is_container else value + length
        keep = explicit and group != 0xFFFE
        found.append(_Element(at, (group, low), keep, length_at, order + form, value, end))
        if end > len(raw):
            break
        at = end
    return found


def _spoil_dicom(whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    elements = _elements(whole)
    if not elements:
        return _spoil_bytes(whole, others, chance)
    deciding = [e for e in elements if e.tag in _DECIDING]
    e = chance.choice(deciding if deciding and chance.random() < 0.6 else elements)
    raw = bytearray(whole)
    kind = chance.randrange(9)
    if kind == 0:  # another tag
        group, low = chance.choice((chance.choice(_DECIDING), chance.choice(elements).tag))
        raw[e.start : e.start + 4] = struct.pack(e.length_form[0] + "HH", group, low)
    elif kind == 1 and e.explicit:
        raw[e.start + 4 : e.start + 6] = chance.choice(_VRS)
    elif kind == 2:  # a length that lies
        size = struct.calcsize(e.length_form)
        length = chance.choice((*_LENGTHS, e.end - e.value + chance.choice((-2, -1, 1, 2, 8))))
        raw[e.length_at : e.length_at + size] = struct.pack(e.length_form, length % (256**size))
    elif kind in (3, 4):  # another value, its length put right
        value = chance.choice(_WORDS) if kind == 3 else _number(chance, e)
        value += b" " * (len(value) % 2)
        size = struct.calcsize(e.length_form)
        length = struct.pack(e.length_form, len(value) % (256**size))
        raw[e.length_at : max(e.end, e.value)] = length + value
    elif kind == 5:
        del raw[e.start : e.end]
    elif kind == 6:
        raw[e.start : e.start] = raw[e.start : e.end] * chance.choice((1, 1, 3, 50))
    elif kind == 7:  # brought in from another place
        other = chance.choice(elements)
        raw[e.start : e.start] = raw[other.start : other.end]
    else:
        depth = chance.choice((1, 5, 60, 70, 249, 1200))
        order = e.length_form[0]
        opened = struct.pack(order + "HH", 0x0040, 0xA730)
        opened += b"SQ\0\0" if e.explicit else b""
        opened += struct.pack(order + "I", 0xFFFFFFFF)
        opened += struct.pack(order + "HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        closed = struct.pack(order + "HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        raw[e.start : e.start] = opened * depth + closed * chance.choice((depth, 0))
    return bytes(raw)


def _number(chance: random.Random, e: _Element) -> bytes:
    order = e.length_form[0]
    form = chance.choice("HHHIfd")
    values = (0, 1, 2, 3, 7, 8, 12, 16, 17, 32, 64, 255, 16385, 32768, 65535)
    count = chance.choice((1, 1, 1, 2, 3, 6))
    return struct.pack(f"{order}{count}{form}", *(chance.choice(values) for _ in range(count)))


# --- everything else


def _spoil_nifti(whole: bytes, chance: random.Random) -> bytes:
    """Put another number into a field of the header."""
    raw = bytearray(whole)
    fields = Nifti1Header.template_dtype.fields
    assert fields is not None
    name = chance.choice(
        [*fields, "dim", "dim", "datatype", "bitpix", "vox_offset", "pixdim", "scl_slope"]
    )
    dtype, offset = fields[name][:2]
    base = dtype.base
    at = offset + base.itemsize * chance.randrange(max(1, dtype.itemsize // base.itemsize))
    if base.kind == "f":
        values = (0.0, -0.0, 1e38, -1e38, float("nan"), float("inf"), 1e-40, 352.5, -1.0)
        raw[at : at + base.itemsize] = struct.pack("<f", chance.choice(values))
    else:
        top = 256**base.itemsize - 1
        value = chance.choice((0, 1, 2, 4, 8, 16, 64, 128, 256, 512, 768, 1024, 1280, 2304, top))
        value = chance.choice((value, top >> 1, (top >> 1) + 1)) & top
        raw[at : at + base.itemsize] = value.to_bytes(base.itemsize, "little")
    return bytes(raw)


def _spoil_gzip(name: str, whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    try:
        inner = gzip.decompress(whole)
    except (OSError, EOFError, zlib.error):
        return _spoil_bytes(whole, others, chance)
    inner = mutated(name.removesuffix(".gz"), inner, others, chance)
    return gzip.compress(inner, 1, mtime=0)


def _spoil_zip(whole: bytes, others: list[bytes], chance: random.Random) -> bytes:
    if chance.random() < 0.5:
        return _spoil_bytes(whole, others, chance)
    stream = io.BytesIO()
    try:
        with (
            warnings.catch_warnings(),
            zipfile.ZipFile(io.BytesIO(whole)) as old,
            zipfile.ZipFile(stream, "w") as new,
        ):
            for entry in old.infolist():
                warnings.simplefilter("ignore")  # names may come twice
                name = chance.choice((entry.filename, "../../x.dcm", "/x", "a\\b", "x" * 300, "é"))
                content = old.read(entry)
                if chance.random() < 0.7:
                    content = mutated(entry.filename, content, others, chance)
                new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    except Exception:  # already spoilt
        return _spoil_bytes(whole, others, chance)
    return stream.getvalue()


def _spoil_png(whole: bytes, chance: random.Random) -> bytes:
    """Change a chunk and put its checksum right."""
    chunks, at = [], 8
    while at + 12 <= len(whole):
        (length,) = struct.unpack(">I", whole[at : at + 4])
        chunks.append((whole[at + 4 : at + 8], bytearray(whole[at + 8 : at + 8 + length])))
        at += 12 + length
    if not chunks:
        return whole[:8]
    number = chance.randrange(len(chunks))
    kind, body = chunks[number]
    if chance.random() < 0.2:
        kind = chance.choice(
            (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"acTL", b"zTXt", b"iCCP", b"eXIf")
        )
    elif body:
        at = chance.randrange(len(body))
        body[at : at + 4] = chance.choice(
            (chance.randbytes(1), chance.randbytes(4), b"\0\0\xff\xff")
        )
    chunks[number] = (kind, body)
    if chance.random() < 0.2:
        chunks.insert(chance.randrange(len(chunks)), chance.choice(chunks))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        check = zlib.crc32(kind + content)
        out += struct.pack(">I", len(content)) + kind + bytes(content) + struct.pack(">I", check)
    return out
