"""Decoded pictures and their planes -> `Scan`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.dicom.geometry import (
    Plane,
    slice_affine,
    slice_order,
    stack_affine,
    stack_fault,
    tilt,
)
from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.pixels import Picture, inverted
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_size
from medsiam.scans.scan import Scan
from medsiam.scans.values import finite

_TILT = 0.5  # degrees


def slice_scan(header: Header, picture: Picture, plane: Plane | None) -> Scan:
    """Return a 2D scan; without a plane its affine is None and its spacing what is known."""
    array, window = picture.array, picture.window
    if picture.pivot is not None:
        array, window = inverted(array, window, picture.pivot)
    array, replaced = finite(array, header.path)
    return Scan(
        array=array,
        spatial_dims=2,
        affine=None if plane is None else slice_affine(plane, header.thickness),
        spacing=header.spacing if plane is None else plane.spacing,
        modality=header.modality,
        body_part=header.body_part,
        patient_id=header.patient_id,
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        sources=(header.path,),
        window=window,
        photometric=header.photometric,
        warnings=(*header.warnings, *replaced),
    )


def volume_scan(
    header: Header,
    planes: Sequence[Plane],
    decoded: Iterable[Picture],
    *,
    path: Path,
    sources: Sequence[Path],
    warnings: Sequence[ScanWarning] = (),
) -> Scan:
    """Stack parallel pictures by position into a 3D scan.

    The window is that of the middle slice: MR carries another one in every slice.

    Args:
        header: facts that all pictures share.
        planes: of the pictures, in the order in which `decoded` yields them.
        decoded: the pictures; taken one by one, so that only one is held beside the volume.
        path: the file or folder, for messages.
        sources: the files of the volume.
        warnings: sentences to carry along.

    Raises:
        ScanError: `several_time_points`, `missing_slices`, `misaligned_slices`, `too_large`,
            `unsupported_pixels`, and every fault of pixels.
    """
    if header.samples != 1 or header.photometric == "PALETTE COLOR":
        raise fault("unsupported_pixels", path, "a volume of colour pictures")
    shape = (header.columns, header.rows, len(planes))
    check_size(path, shape)
    order = slice_order(planes)
    ordered = [planes[i] for i in order]
    if wrong := stack_fault(ordered):
        raise fault(wrong[0], path, wrong[1])
    array, window = _stack(shape, order, decoded)
    array, replaced = finite(array, path)
    affine = stack_affine(ordered)
    angle = tilt(ordered)
    what = f"slices are sheared by {angle:.1f} degrees (gantry tilt)"
    sheared = [warning("gantry_tilt", what)] if angle > _TILT else []
    return Scan(
        array=array,
        spatial_dims=3,
        affine=affine,
        spacing=(*ordered[0].spacing, float(np.linalg.norm(affine[:3, 2]))),
        modality=header.modality,
        body_part=header.body_part,
        patient_id=header.patient_id,
        study_uid=header.study_uid,
        series_uid=header.series_uid,
        sources=tuple(sources),
        window=window,
        photometric=header.photometric,
        warnings=(*warnings, *sheared, *replaced),
    )


def _stack(
    shape: tuple[int, int, int], order: Sequence[int], decoded: Iterable[Picture]
) -> tuple[NDArray[np.float32], tuple[float, float] | None]:
    """Return the volume, large = bright, and the window of its middle slice."""
    place = {source: z for z, source in enumerate(order)}
    array = np.empty(shape, dtype=np.float32)
    window = None
    pivots = []
    for source, picture in enumerate(decoded):
        z = place[source]
        array[..., z] = picture.array
        if z == len(order) // 2:
            window = picture.window
        if picture.pivot is not None:
            pivots.append(picture.pivot)
    if pivots:  # one pivot for all, so that the slices keep their relation
        return inverted(array, window, max(pivots))
    return array, window
