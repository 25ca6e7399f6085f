"""Affine and voxel size of a NIfTI header, in mm and RAS+."""

from __future__ import annotations

from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medsiam.scans.faults import ScanWarning, warning

_MM = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}  # "unknown" is taken as mm for an affine
_PLAUSIBLE = (1e-3, 100.0)  # mm between voxels
_SAME_PLACE = 1e-2  # mm by which sform and qform may differ


def nifti_affine(
    header: Nifti1Header, shape: tuple[int, int, int]
) -> tuple[NDArray[np.float64] | None, tuple[ScanWarning, ...]]:
    """Return the affine in mm, and a sentence where the file gives two or a doubtful one.

    It is the sform, else the qform; None where both codes are 0 or neither can be used.
    """
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


def nifti_spacing(
    header: Nifti1Header, affine: NDArray[np.float64] | None
) -> tuple[float, ...] | None:
    """Return mm between voxels; without an affine only where the header names its unit."""
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
