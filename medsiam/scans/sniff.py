"""What a file is, told from its first bytes. Names and extensions are never asked."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from medsiam.errors import ScanError
from medsiam.scans.archive import EMPTY_ZIP_MAGIC, ZIP_MAGIC
from medsiam.scans.faults import fault
from medsiam.scans.gzipped import GZIP_MAGIC, Gzipped

Kind = Literal["dicom", "nifti", "image"]

_HEAD = 544  # a NIfTI-2 header ends at 540
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_KNOWN = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "gzip without NIfTI inside"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BM", "a BMP image"),
    (b"GIF8", "a GIF image"),
    (b"NRRD", "an NRRD volume"),
    (b"\x89HDF", "an HDF5 file"),
)
# VRs that the first elements of a data set without preamble can have.
_FIRST_VRS = (b"UL", b"OB", b"UI", b"CS", b"DA", b"SH", b"LO", b"SQ", b"DT", b"TM")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; a device or pipe is not touched.

    Raises:
        ScanError: `not_a_file`, `no_access`.
        OSError: where the file cannot be opened.
    """
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise fault("no_access", path, "a folder that cannot be listed")
    if not stat.S_ISREG(mode):
        raise fault("not_a_file", path, "it is no regular file")
    with path.open("rb") as file:
        yield file


def sniff(file: BinaryIO, path: Path) -> Kind | Literal["archive"]:
    """Return the kind of scan that the content of a file promises; the file is at its start again.

    Args:
        file: open, at its start.
        path: its name for messages.

    Raises:
        ScanError: `empty_file`, `unknown_format` or `nifti_pair`.
    """
    head = file.read(_HEAD)
    file.seek(0)
    if not head:
        raise fault("empty_file", path, "it holds no bytes")
    if head[128:132] == b"DICM" or _is_bare_dicom(head):
        return "dicom"
    if head.startswith(_IMAGES):
        return "image"
    if head.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC)):
        return "archive"
    magic = _nifti_magic(_inflated(file, path) if head.startswith(GZIP_MAGIC) else head)
    if magic == b"n+":
        return "nifti"
    if magic == b"ni":
        raise fault("nifti_pair", path, "it is the header of a NIfTI pair")
    raise fault("unknown_format", path, f"it looks like {_guess(head)}")


def _inflated(file: BinaryIO, path: Path) -> bytes:
    head = b""
    try:
        packed = Gzipped(file, path)
        while len(head) < _HEAD and (more := packed.read(_HEAD - len(head))):
            head += more
    except ScanError:  # what came before the damage may tell enough
        pass
    file.seek(0)
    return head


def _nifti_magic(head: bytes) -> bytes:
    """Return b"n+" for one file, b"ni" for a pair, else b"" (NIfTI-1 and NIfTI-2)."""
    size = head[:4]
    if size in (struct.pack("<i", 348), struct.pack(">i", 348)):
        magic = head[344:348]
        return magic[:2] if magic in (b"n+1\0", b"ni1\0") else b""
    if size in (struct.pack("<i", 540), struct.pack(">i", 540)):
        magic = head[4:8]
        return magic[:2] if magic in (b"n+2\0", b"ni2\0") else b""
    return b""


def _is_bare_dicom(head: bytes) -> bool:
    """Return True for a data set without the 128 byte preamble: it opens with group 2 or 8."""
    if len(head) < 16:
        return False
    for order in "<>":
        group, element, vr, length = struct.unpack(f"{order}HH2sH", head[:8])
        if group not in (0x0002, 0x0008) or element > 0x0100:
            continue
        if vr in _FIRST_VRS and length <= _HEAD:
            return True
        implicit_length: int = struct.unpack("<I", head[4:8])[0]
        if order == "<" and group == 0x0008 and implicit_length <= _HEAD:
            return True
    return False


def _guess(head: bytes) -> str:
    for magic, name in _KNOWN:
        if head.startswith(magic):
            return name
    if all(byte >= 0x20 or byte in b"\t\r\n\f" for byte in head):
        return "text"
    return "nothing known"
