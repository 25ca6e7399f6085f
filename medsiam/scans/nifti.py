"""NIfTI-1 and NIfTI-2, plain or gzip -> `Scan`.

The header's sizes are checked against ceilings and against the bytes that can be there before
anything is allocated. Standard: nifti.nimh.nih.gov/nifti-1 (nifti1.h).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medsiam.scans.faults import fault
from medsiam.scans.gzipped import GZIP_MAGIC, MOST_RATIO, Gzipped
from medsiam.scans.limits import MAX_RATIO, check_parts, check_size
from medsiam.scans.nifti_geometry import nifti_affine, nifti_spacing
from medsiam.scans.scan import Scan
from medsiam.scans.values import finite

_CHUNK = 1 << 22  # bytes
_SLAB = 1 << 25  # bytes that are converted at a time, or one slice
_MAX_OFFSET = 1 << 26  # bytes of header and extensions before the voxels
_FREE = 1 << 30  # bytes that may come out of less than MAX_RATIO allows
_RGB = ("R", "G", "B")
# Intent codes by which the fifth axis holds the parts of one value: matrices, vectors, points,
# triangles, quaternions, colours.
_NOT_VOLUMES = {1004, 1005, 1006, 1007, 1008, 1009, 1010, 2003, 2004}


@dataclass(frozen=True)
class NiftiFacts:
    """What the header promises.

    Attributes:
        shape: (x, y, z) of one volume.
        volumes: how many there are.
        over_time: True where they are time points.
    """

    shape: tuple[int, int, int]
    volumes: int
    over_time: bool

    @property
    def spatial_dims(self) -> int:
        """2 for one slice (z == 1), else 3."""
        return 2 if self.shape[2] == 1 else 3


def nifti_facts(file: BinaryIO, path: Path) -> NiftiFacts:
    """Return what the header alone says.

    Args:
        file: open.
        path: its name for messages.

    Raises:
        ScanError: `damaged_nifti`, `too_large`, `unsupported_pixels`.
    """
    return _facts(_header(_content(file, path), path), path)


def read_nifti(path: Path, *, part: int | None = None) -> Scan:
    """Read a NIfTI file; one slice (z == 1) is a 2D scan.

    The affine is the sform, else the qform; where both codes are 0 it is None, and the spacing is
    given only if the header names its unit.

    Args:
        path: the file.
        part: which of several volumes, from 0, in the order of the file; only that one is kept
            in memory.

    Raises:
        ScanError: `damaged_nifti`, `too_large`, `expands_too_much`, `truncated_pixels`,
            `several_time_points`, `no_such_part`, `unsupported_pixels`, `no_finite_values`.
    """
    with path.open("rb") as file:
        header = _header(_content(file, path), path)
        facts = _facts(header, path)
        array = _voxels(file, header, path, _chosen(facts, part, path))
    array, replaced = finite(array, path)
    affine, said = nifti_affine(header, facts.shape)
    spacing = nifti_spacing(header, affine)
    dims = facts.spatial_dims
    return Scan(
        array=np.ascontiguousarray(array[:, :, 0]) if dims == 2 else array,
        spatial_dims=dims,
        affine=affine,
        spacing=None if spacing is None else spacing[:dims],
        sources=(path,),
        warnings=(*said, *replaced),
    )


def _content(file: BinaryIO, path: Path) -> BinaryIO | Gzipped:
    """Return what to read from, at the start of what is packed where it is."""
    file.seek(0)
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return Gzipped(file, path) if packed else file


def _header(content: BinaryIO | Gzipped, path: Path) -> Nifti1Header:
    """Return the header with plausible sizes; `Nifti2Header` is a `Nifti1Header`."""
    try:
        head = _read_up_to(content, Nifti2Header.sizeof_hdr)
        is_big = head[:2] == b"\0\0"  # the first number is the header's size, 348 or 540
        size = int.from_bytes(head[:4], "big" if is_big else "little")
        kind: Any = Nifti1Header if size == Nifti1Header.sizeof_hdr else Nifti2Header
        block = bytes(head[: kind.sizeof_hdr])
        header: Nifti1Header = kind(block, ">" if is_big else "<", check=False)
        shape = header.get_data_shape()
        offset = header.get_data_offset()
        header.get_data_dtype()
    except (HeaderDataError, KeyError, ValueError, OverflowError) as error:
        what = f"its header makes no sense ({type(error).__name__})"
        raise fault("damaged_nifti", path, what) from None
    if not 2 <= header["dim"][0] <= 7 or min(shape) < 1:
        raise fault("damaged_nifti", path, "its header gives no usable size")
    if not kind.sizeof_hdr <= offset <= _MAX_OFFSET:
        raise fault("damaged_nifti", path, f"its voxels cannot begin at byte {offset}")
    if header["pixdim"][0] not in (-1, 1):
        header["pixdim"][0] = 1  # 0 means 1 (nifti1.h)
    return header


def _facts(header: Nifti1Header, path: Path) -> NiftiFacts:
    dtype = header.get_data_dtype()
    is_colour = dtype.names is not None and set(_RGB) <= {*dtype.names}
    if not is_colour and (dtype.kind not in "iuf" or dtype.itemsize > 8):
        raise fault("unsupported_pixels", path, f"voxels of type {dtype}")
    shape = tuple(int(n) for n in header.get_data_shape())
    volumes = math.prod(shape[3:])
    if volumes > 1 and int(header["intent_code"]) in _NOT_VOLUMES:
        raise fault("unsupported_pixels", path, "each voxel holds a vector or matrix")
    x, y, z = (*shape, 1)[:3]
    check_size(path, (x, y, z, 3) if is_colour else (x, y, z))
    check_parts(path, volumes, x * y * z)
    return NiftiFacts((x, y, z), volumes, over_time=math.prod(shape[4:]) == 1)


def _chosen(facts: NiftiFacts, part: int | None, path: Path) -> tuple[NiftiFacts, int]:
    if part is None and facts.volumes > 1:
        raise fault("several_time_points", path, f"it holds {facts.volumes} volumes")
    if part is not None and not 0 <= part < facts.volumes:
        raise fault("no_such_part", path, f"no part {part} among {facts.volumes} (from 0)")
    return facts, part or 0


def _voxels(
    file: BinaryIO, header: Nifti1Header, path: Path, chosen: tuple[NiftiFacts, int]
) -> NDArray[np.float32]:
    """Return scaled values, (x, y, z) or for colour (x, y, z, 3), slab by slab."""
    facts, part = chosen
    dtype = header.get_data_dtype()
    x, y, z = facts.shape
    one = x * y * dtype.itemsize
    start = int(header.get_data_offset()) + part * one * z
    end = start + one * z
    _check_promise(file, end, path)
    scaling = _scaling(header, path)
    content = _content(file, path)
    _skip(content, start, path)
    colours = (3,) if dtype.names is not None else ()
    array = np.empty((x, y, z, *colours), np.float32)
    step = max(1, _SLAB // one)
    for first in range(0, z, step):
        n = min(step, z - first)
        data = _read_up_to(content, n * one)
        if len(data) < n * one:
            there = start + first * one + len(data)
            raise fault("truncated_pixels", path, f"{there} of {end} bytes are there")
        stored = np.frombuffer(data, dtype).reshape((x, y, n), order="F")
        _convert(stored, scaling, array[:, :, first : first + n])
    if isinstance(content, Gzipped) and part == facts.volumes - 1:
        _to_the_end(content, path)
    return array


def _check_promise(file: BinaryIO, end: int, path: Path) -> None:
    """Compare the bytes that are needed with those that the file can hold."""
    there = os.fstat(file.fileno()).st_size
    content = _content(file, path)
    if not isinstance(content, Gzipped):
        if there < end:
            raise fault("truncated_pixels", path, f"{there} of {end} bytes are there")
        return
    if there * MOST_RATIO < end:
        raise fault("truncated_pixels", path, f"fewer than {end} of {end} bytes can be there")
    if end > _FREE and there * MAX_RATIO < end:
        what = f"it expands to {end} bytes, more than {MAX_RATIO} times its size"
        raise fault("expands_too_much", path, what)


def _pieces(content: BinaryIO | Gzipped, size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := content.read(min(_CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _read_up_to(content: BinaryIO | Gzipped, size: int) -> bytearray:
    """Read `size` bytes or what is there. Memory grows with what arrives, not with the promise."""
    data = bytearray()
    for piece in _pieces(content, size):
        data += piece
    return data


def _skip(content: BinaryIO | Gzipped, size: int, path: Path) -> None:
    if not isinstance(content, Gzipped):
        content.seek(size)
        return
    there = sum(len(piece) for piece in _pieces(content, size))
    if there < size:
        raise fault("truncated_pixels", path, f"{there} bytes are there, {size} come before it")


def _to_the_end(content: Gzipped, path: Path) -> None:
    """Go on to gzip's checksum; a little may follow the voxels."""
    if sum(len(piece) for piece in _pieces(content, _CHUNK)) == _CHUNK:
        raise fault("expands_too_much", path, "it goes on behind its voxels")


def _scaling(header: Nifti1Header, path: Path) -> tuple[float, float] | None:
    """Return slope and intercept, None where the values are as stored."""
    try:
        slope, intercept = header.get_slope_inter()  # None where the slope is 0 or NaN
    except HeaderDataError:
        slope = math.inf
    if slope == math.inf or np.isinf(header["scl_slope"]):
        raise fault("damaged_nifti", path, "its scaling makes no sense")
    return None if slope is None or (slope, intercept) == (1.0, 0.0) else (slope, intercept)


def _convert(
    stored: NDArray[Any], scaling: tuple[float, float] | None, into: NDArray[np.float32]
) -> None:
    """Write scaled values; colours last, alpha left out, never scaled (nifti1.h)."""
    if stored.dtype.names is not None:
        for channel, name in enumerate(_RGB):
            into[..., channel] = stored[name]
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if scaling is not None:
            stored = stored * np.float64(scaling[0]) + np.float64(scaling[1])
        into[...] = stored
