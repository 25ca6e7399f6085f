"""NIfTI-1 and NIfTI-2, plain or gzip -> `Scan`.

The header's sizes are checked against ceilings and against the bytes that are there before
anything is allocated. Standard: nifti.nimh.nih.gov/nifti-1 (nifti1.h).
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_size
from medsiam.scans.scan import Scan
from medsiam.scans.values import finite

_CHUNK = 1 << 22  # bytes
_File = gzip.GzipFile | io.BufferedReader
_MAX_OFFSET = 1 << 26  # bytes of header and extensions before the voxels
_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}  # "unknown" is taken as mm for an affine
_PLAUSIBLE = (1e-3, 100.0)  # mm between voxels
_SAME_PLACE = 1e-2  # mm by which sform and qform may differ


def nifti_dims(path: Path) -> int | None:
    """Return 2 or 3 from the header alone; None where it holds several volumes.

    Raises:
        ScanError: `damaged_nifti`, `too_large`.
    """
    with _opened(path) as file:
        header = _header(file, path)
    shape = header.get_data_shape()
    if len(shape) > 3 and math.prod(shape[3:]) > 1:
        return None
    return 2 if len(shape) < 3 or shape[2] == 1 else 3


def read_nifti(path: Path, *, part: int | None = None) -> Scan:
    """Read a NIfTI file; one slice (z == 1) is a 2D scan.

    The affine is the sform, else the qform; where both codes are 0 it is None, and the spacing is
    given only if the header names its unit.

    Raises:
        ScanError: `damaged_nifti`, `too_large`, `truncated_pixels`, `several_time_points`,
            `unsupported_pixels`, `no_finite_values`.
    """
    with _opened(path) as file:
        header = _header(file, path)
        shape = _spatial_shape(header, path)
        stored = _voxels(file, header, path, shape)
    array, replaced = finite(_values(stored, header, path), path)
    affine, said = _affine(header, shape)
    spacing = _spacing(header, affine)
    dims = 2 if shape[2] == 1 else 3
    if dims == 2:
        array = np.ascontiguousarray(array[:, :, 0])
    elif array.ndim > 3:
        raise fault("unsupported_pixels", path, "a volume of colour voxels")
    return Scan(
        array=array,
        spatial_dims=dims,
        affine=affine,
        spacing=None if spacing is None else spacing[:dims],
        sources=(path,),
        warnings=(*said, *replaced),
    )


def _opened(path: Path) -> _File:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if packed else path.open("rb")


def _header(file: _File, path: Path) -> Nifti1Header:
    """Return the header with plausible sizes; `Nifti2Header` is a `Nifti1Header`."""
    try:
        head = _read_up_to(file, Nifti2Header.sizeof_hdr, path)
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
    if not 2 <= header["dim"][0] <= 7 or min(shape) < 1 or not 0 <= offset <= _MAX_OFFSET:
        raise fault("damaged_nifti", path, "its header gives no usable size")
    if header["pixdim"][0] not in (-1, 1):
        header["pixdim"][0] = 1  # 0 means 1 (nifti1.h)
    return header


def _spatial_shape(header: Nifti1Header, path: Path) -> tuple[int, int, int]:
    shape = tuple(int(n) for n in header.get_data_shape())
    volumes = math.prod(shape[3:])
    if volumes > 1:
        raise fault("several_time_points", path, f"it holds {volumes} volumes")
    x, y, z = (*shape, 1)[:3]
    check_size(path, (x, y, z))
    return x, y, z


def _voxels(
    file: _File, header: Nifti1Header, path: Path, shape: tuple[int, int, int]
) -> NDArray[Any]:
    """Return the stored values, (x, y, z), after making sure that all of them are there."""
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf" and dtype.names is None:
        raise fault("unsupported_pixels", path, f"voxels of type {dtype}")
    needed = int(header.get_data_offset()) + math.prod(shape) * dtype.itemsize
    there = needed if isinstance(file, gzip.GzipFile) else path.stat().st_size
    data = bytearray()
    if there >= needed:
        file.seek(0)
        data = _read_up_to(file, needed + _CHUNK, path)  # to the end, where gzip has its checksum
        there = len(data)
    if there < needed:
        raise fault("truncated_pixels", path, f"{there} of {needed} bytes are there")
    offset = int(header.get_data_offset())
    return np.frombuffer(data, dtype, math.prod(shape), offset).reshape(shape, order="F")


def _read_up_to(file: _File, size: int, path: Path) -> bytearray:
    """Read `size` bytes or what is there. Memory grows with what arrives, not with the promise."""
    data = bytearray()
    try:
        while len(data) < size and (chunk := file.read(min(_CHUNK, size - len(data)))):
            data += chunk
    except EOFError:
        raise fault("truncated_pixels", path, "the compressed data end early") from None
    except (gzip.BadGzipFile, zlib.error):
        raise fault("damaged_nifti", path, "the compressed data are damaged") from None
    return data


def _values(stored: NDArray[Any], header: Nifti1Header, path: Path) -> NDArray[np.float32]:
    """Return scaled values; for RGB voxels the colours last, alpha left out."""
    if stored.dtype.names is not None:
        colours = [stored[name] for name in ("R", "G", "B")]
        return np.stack(colours, axis=-1).astype(np.float32, order="C")
    try:
        slope, intercept = header.get_slope_inter()  # None where the slope is 0 or NaN
    except HeaderDataError:
        slope = math.inf
    if slope == math.inf or np.isinf(header["scl_slope"]):
        raise fault("damaged_nifti", path, "its scaling makes no sense")
    with np.errstate(over="ignore", invalid="ignore"):
        if slope is not None and (slope, intercept) != (1.0, 0.0):
            stored = stored * np.float64(slope) + np.float64(intercept)
        return stored.astype(np.float32, order="C")


def _affine(
    header: Nifti1Header, shape: tuple[int, int, int]
) -> tuple[NDArray[np.float64] | None, tuple[ScanWarning, ...]]:
    """Return the affine in mm and a sentence where two affines disagree."""
    sform, _ = header.get_sform(coded=True)
    try:
        qform, _ = header.get_qform(coded=True)
    except HeaderDataError:
        qform = None
    scale = np.diag([_unit(header) or 1.0] * 3 + [1.0])
    found = [_usable(scale @ m, shape) for m in (sform, qform) if m is not None]
    usable = [matrix for matrix in found if matrix is not None]
    if not usable:
        what = "its affine cannot be inverted and is not used"
        return None, (warning("unusable_affine", what),) if found else ()
    far = np.asarray([*shape, 1.0])
    first, last = usable[0], usable[-1]
    if max(abs(first[:3, 3] - last[:3, 3]).max(), abs((first - last) @ far).max()) > _SAME_PLACE:
        what = "sform and qform disagree; the sform is used"
        return first, (warning("sform_qform_disagree", what),)
    return _with_voxel_size(first, header) if len(found) == 1 else (first, ())


def _with_voxel_size(
    affine: NDArray[np.float64], header: Nifti1Header
) -> tuple[NDArray[np.float64], tuple[ScanWarning, ...]]:
    """Give axes of 1 mm the header's voxel size, where the two disagree.

    Some writers leave an affine of plain 1 mm steps beside a true pixdim (the ACDC release does).
    A real grid of 1 mm has a pixdim of 1 as well, so nothing else is touched.
    """
    spans = np.linalg.norm(affine[:3, :3], axis=0)
    zooms = _zooms(header)
    if zooms is None or not np.allclose(spans, 1) or np.allclose(zooms, 1, rtol=1e-2):
        return affine, ()
    sized = affine.copy()
    sized[:3, :3] *= zooms
    size = " x ".join(f"{mm:.4g}" for mm in zooms)
    what = (
        f"the affine has steps of 1 mm but the header's voxel size is {size} mm; "
        "the voxel size is used, the position in the room may be off"
    )
    return sized, (warning("voxel_size_used", what),)


def _usable(matrix: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.float64] | None:
    affine = np.asarray(matrix, dtype=np.float64)
    if shape[2] == 1 and not affine[:3, 2].any():  # of one slice only the direction matters
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        affine[:3, 2] = normal / (np.linalg.norm(normal) or 1.0)
    spans = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or not spans.all():
        return None
    return affine if abs(np.linalg.det(affine[:3, :3] / spans)) > 1e-6 else None


def _spacing(header: Nifti1Header, affine: NDArray[np.float64] | None) -> tuple[float, ...] | None:
    if affine is not None:
        return tuple(float(mm) for mm in np.linalg.norm(affine[:3, :3], axis=0))
    return _zooms(header)


def _zooms(header: Nifti1Header) -> tuple[float, ...] | None:
    """Return the header's voxel size in mm, None where it has no unit or makes no sense."""
    unit = _unit(header)
    zooms = [float(zoom) * (unit or 0.0) for zoom in header["pixdim"][1:4]]
    low, high = _PLAUSIBLE
    if unit is None or not all(low <= mm <= high for mm in zooms):
        return None
    return tuple(zooms)


def _unit(header: Nifti1Header) -> float | None:
    """Return mm per unit of length, None where the header does not name it."""
    try:
        return _MM.get(header.get_xyzt_units()[0])
    except KeyError:
        return None
