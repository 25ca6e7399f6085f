"""A DICOM file's bytes -> its elements: walked where it is plain, else given to pydicom."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import dcmread, read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    PrivateTransferSyntaxes,
)

from medsiam.errors import ScanError
from medsiam.scans.dicom.elements import text, uid
from medsiam.scans.dicom.walk import PIXELS, Departs, Elements, Short, TooDeep, pixel_bytes, walk
from medsiam.scans.faults import fault
from medsiam.scans.limits import MAX_FILE, MAX_INFLATED, MAX_NESTING

_FIRST = 1 << 15  # bytes; the header of most files is shorter
_GROWTH = 8
_MOST = 1 << 24  # bytes of header that are walked; pydicom steps over the rest by seeking
_CHUNK = 1 << 22  # bytes inflated at a time
_META = frozenset({0x00020002, 0x00020010})  # SOP class, transfer syntax


@dataclass(frozen=True)
class Head:
    """A data set up to its pixel data.

    Attributes:
        dataset: raw elements.
        meta: file meta information (group 2), empty where the file has none.
        transfer_syntax: as the file says, else as it was found to be written.
        has_pixels: True where pixel data follow.
    """

    dataset: Dataset
    meta: Dataset
    transfer_syntax: UID
    has_pixels: bool


def read_head(file: BinaryIO, path: Path, wanted: frozenset[int]) -> Head:
    """Read a DICOM file up to its pixel data; a deflated one is inflated up to a ceiling.

    Args:
        file: open at its start.
        path: for messages.
        wanted: tags of the elements to keep.

    Raises:
        ScanError: `expands_too_much`, `damaged_dicom`, `nested_too_deep`.
    """
    data, size = file.read(_FIRST), _FIRST
    while True:
        try:
            return _walked(data, wanted, complete=len(data) < size)
        except Short:
            size *= _GROWTH
            if len(data) < size // _GROWTH or size > _MOST:
                break
            data += file.read(size - len(data))
        except Departs:
            break
        except TooDeep:
            raise _too_deep(path) from None
    file.seek(0)
    with _parsing(path):
        return _parsed(file, path, wanted)


def read_whole(path: Path, wanted: frozenset[int] | None) -> tuple[FileDataset, UID]:
    """Read a DICOM file with its pixel data, still encoded, and its transfer syntax.

    Args:
        path: the file.
        wanted: tags of the elements to keep beside the pixel data; None keeps all.

    Raises:
        ScanError: as `read_head`; `too_large`.
    """
    if (size := path.stat().st_size) > MAX_FILE:
        raise fault("too_large", path, f"a file of {size >> 20} MB; at most {MAX_FILE >> 20}")
    data = path.read_bytes()
    try:
        if wanted is not None:
            return _walked_whole(data, wanted)
    except Departs:
        pass  # pydicom reads it all the same
    except TooDeep:
        raise _too_deep(path) from None
    with _parsing(path):
        return _parsed_whole(data, path)


def _parsed_whole(data: bytes, path: Path) -> tuple[FileDataset, UID]:
    file = io.BytesIO(data)
    _, _, syntax = _encoding_of(file)
    if syntax == DeflatedExplicitVRLittleEndian:
        body = io.BytesIO(_inflated(file.read(), path))
        dataset = read_dataset(body, False, True)
        return _file_dataset(dataset, syntax, implicit=False, little=True), syntax
    dataset = dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:  # no preamble: as it was found to be written
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
    return dataset, syntax


@contextmanager
def _parsing(path: Path) -> Iterator[None]:
    """Call what pydicom cannot make sense of damage; it raises many kinds of errors then."""
    try:
        yield
    except (ScanError, RecursionError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's fault
        what = f"its elements make no sense ({type(error).__name__})"
        raise fault("damaged_dicom", path, what) from None


def _walked(data: bytes, wanted: frozenset[int], *, complete: bool) -> Head:
    meta, syntax, start = _walked_meta(data)
    found = walk(
        data,
        start,
        wanted,
        implicit=_is_implicit(syntax),
        little=_is_little(syntax),
        complete=complete,
    )
    return Head(Dataset(found.elements), meta, syntax, found.pixels is not None)


def _walked_whole(data: bytes, wanted: frozenset[int]) -> tuple[FileDataset, UID]:
    _, syntax, start = _walked_meta(data)
    implicit, little = _is_implicit(syntax), _is_little(syntax)
    found = walk(data, start, wanted, implicit=implicit, little=little)
    if found.pixels is None:
        raise Departs
    tag, at, vr, length = found.pixels
    name = None if vr is None else vr.decode("ascii")
    value = pixel_bytes(data, found, little=little)
    base = BaseTag(tag)
    found.elements[base] = RawDataElement(base, name, length, value, at, implicit, little)
    return _file_dataset(found.elements, syntax, implicit=implicit, little=little), syntax


def _walked_meta(data: bytes) -> tuple[Dataset, UID, int]:
    """Return file meta information, the transfer syntax, and where the data set begins.

    Raises:
        Short: the bytes end within the file meta information.
        Departs: there is no plain one, or the data set is deflated.
    """
    if data[128:132] != b"DICM":
        raise Departs
    found = walk(data, 132, _META, implicit=False, little=True, complete=False, group=2)
    meta = Dataset(found.elements)
    syntax = UID(uid(text(meta, "TransferSyntaxUID")) or "")
    if not syntax or syntax.is_private or syntax == DeflatedExplicitVRLittleEndian:
        raise Departs
    return meta, syntax, found.end


def _parsed(file: BinaryIO, path: Path, wanted: frozenset[int]) -> Head:
    """Let pydicom parse what is not plain."""
    meta, (implicit, little), syntax = _encoding_of(file)
    if syntax == DeflatedExplicitVRLittleEndian:
        file = io.BytesIO(_inflated(file.read(), path))
    seen: list[int] = []

    def at_pixels(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        if tag in PIXELS:
            seen.append(tag)
        return bool(seen)

    tags: list[BaseTag | int] = [BaseTag(tag) for tag in wanted]
    dataset = read_dataset(file, implicit, little, stop_when=at_pixels, specific_tags=tags)
    return Head(dataset, meta, syntax, bool(seen))


def _encoding_of(file: BinaryIO) -> tuple[Dataset, tuple[bool, bool], UID]:
    """Read up to the data set; return meta, (implicit VR, little endian), transfer syntax.

    Where the file does not name a transfer syntax it is told from the first element.
    """
    read_preamble(file, force=True)
    meta = read_dataset(file, False, True, stop_when=lambda tag, _vr, _length: tag >> 16 != 2)
    name = uid(text(meta, "TransferSyntaxUID"))
    if name is not None:
        syntax = UID(name)
        known = next((one for one in PrivateTransferSyntaxes if one == syntax), syntax)
        return meta, (_is_implicit(known), _is_little(known)), known
    first = file.read(6)
    file.seek(-len(first), 1)
    if not (first[4:6].isalpha() and first[4:6].isupper()):
        return meta, (True, True), ImplicitVRLittleEndian
    if first[0] == 0 and first[1] != 0:
        return meta, (False, False), ExplicitVRBigEndian
    return meta, (False, True), ExplicitVRLittleEndian


def _is_implicit(syntax: UID) -> bool:
    """Explicit VR is what every syntax that is not known otherwise uses (PS3.5 A.4)."""
    return syntax.is_implicit_VR if syntax.is_transfer_syntax else False


def _is_little(syntax: UID) -> bool:
    return syntax.is_little_endian if syntax.is_transfer_syntax else True


def _inflated(packed: bytes, path: Path) -> bytes:
    """Return the bytes of a deflated data set (PS3.5 A.5)."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    data, rest = bytearray(), packed
    try:
        while not machine.eof and (chunk := machine.decompress(rest, _CHUNK)):
            data += chunk
            rest = machine.unconsumed_tail
            if len(data) > MAX_INFLATED:
                most = f"more than {MAX_INFLATED >> 20} MB"
                what = f"{len(packed)} deflated bytes that inflate to {most}"
                raise fault("expands_too_much", path, what)
    except zlib.error:
        raise fault("damaged_dicom", path, "its deflated data cannot be inflated") from None
    if not machine.eof:
        raise fault("damaged_dicom", path, "its deflated data end early")
    return bytes(data)


def _too_deep(path: Path) -> ScanError:
    what = f"sequences within sequences, more than {MAX_NESTING} deep"
    return fault("nested_too_deep", path, what)


def _file_dataset(
    elements: Dataset | Elements, syntax: UID, *, implicit: bool, little: bool
) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    made = FileDataset(
        "", elements, file_meta=meta, is_implicit_VR=implicit, is_little_endian=little
    )
    made.set_original_encoding(implicit, little, made._character_set)
    return made
