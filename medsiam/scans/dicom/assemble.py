"""Decoded pictures and their planes -> `Scan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsiam.scans.dicom.geometry import (
    Plane,
    slice_affine,
    slice_order,
    stack_affine,
    tilt,
    unevenness,
)
from medsiam.scans.dicom.header import Header
from medsiam.scans.dicom.pixels import Picture, Window, inverted
from medsiam.scans.dicom.resample import resampled
from medsiam.scans.dicom.voi import Voi
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_size
from medsiam.scans.scan import Scan
from medsiam.scans.values import finite

_TILT = 0.5  # degrees
_GAP = 1.5  # thicknesses from slice to slice
_WIDEST = 4.0  # usual distances that may be filled between two slices
_OTHER_SIDE = 40.0  # mm from the middle of the room's axis


def slice_scan(
    header: Header, picture: Picture, plane: Plane | None, *, warnings: Sequence[ScanWarning] = ()
) -> Scan:
    """Return a 2D scan; without a plane its affine is None and its spacing what is known."""
    array, windows = picture.array, picture.windows
    if picture.pivot is not None:
        array, windows = inverted(array, windows, picture.pivot)
    array, replaced = finite(array, header.path)
    return Scan(
        array=array,
        spatial_dims=2,
        affine=None if plane is None else slice_affine(plane, header.thickness),
        spacing=header.spacing if plane is None else plane.spacing,
        sources=(header.path,),
        warnings=(*header.warnings, *warnings, *_padding([picture]), *replaced),
        **_facts(header),
        **_display(windows, picture.voi, picture.pivot),
    )


class Stack:
    """Parallel pictures on their way to a volume.

    They are kept in the order in which they arrive, in one block of memory that the volume then
    uses as it is.

    Args:
        header: facts that all pictures share.
        n: number of pictures.
        path: the file or folder, for messages.

    Raises:
        ScanError: `too_large`.
    """

    def __init__(self, header: Header, n: int, path: Path) -> None:
        check_size(path, (header.columns, header.rows, n))
        self._header, self._path = header, path
        colour = header.samples != 1 or header.photometric == "PALETTE COLOR"
        shape = (n, header.rows, header.columns, *((3,) if colour else ()))
        self._block = np.empty(shape, dtype=np.float32)
        self._pictures: list[Picture] = []
        self._planes: list[Plane] = []

    def add(self, picture: Picture, plane: Plane) -> None:
        """Take one picture."""
        block = self._block[len(self._pictures)]
        if picture.array.swapaxes(0, 1).shape != block.shape:
            raise fault("mixed_matrix", self._path, "pictures of different size or colour")
        block[...] = picture.array.swapaxes(0, 1)
        self._pictures.append(picture.without_array())
        self._planes.append(plane)

    def scan(
        self,
        *,
        sources: Sequence[Path],
        warnings: Sequence[ScanWarning] = (),
        allow_resample: bool = False,
    ) -> Scan:
        """Return the volume.

        The window is that of the middle slice: MR carries another one in every slice.

        Args:
            sources: the files of the volume.
            warnings: to carry along.
            allow_resample: interpolate where slices are missing or unevenly spaced.

        Raises:
            ScanError: `several_time_points`, `repeated_positions`, `missing_slices`,
                `uneven_slices`, `misaligned_slices`, `too_large`, `no_finite_values`.
        """
        order = slice_order(self._planes)
        planes = [self._planes[i] for i in order]
        pictures = [self._pictures[i] for i in order]
        in_order = order == list(range(len(order)))
        block = self._block if in_order else self._block[order]
        said = [*warnings, *_padding(pictures)]
        if wrong := unevenness(planes):
            if not (allow_resample and wrong.widest <= _WIDEST):
                raise fault(wrong.code, self._path, wrong.what)
            block, planes, done = resampled(block, planes, wrong.usual, self._path)
            said.append(warning("resampled", f"{wrong.what}; {done}"))
        middle = pictures[len(pictures) // 2]
        windows = middle.windows
        # (slices, rows, columns) becomes (x, y, z) without moving a value.
        array = block.transpose(2, 1, 0, *range(3, block.ndim))
        pivots = [picture.pivot for picture in pictures if picture.pivot is not None]
        if pivots:  # one pivot for all, so that the slices keep their relation
            array, windows = inverted(array, windows, max(pivots))
        array, replaced = finite(array, self._path)
        affine = stack_affine(planes)
        step = float(np.linalg.norm(affine[:3, 2]))
        return Scan(
            array=array,
            spatial_dims=3,
            affine=affine,
            spacing=(*planes[0].spacing, step),
            sources=tuple(sources),
            warnings=(*said, *_odd_geometry(self._header, planes, affine, array.shape), *replaced),
            **_facts(self._header),
            **_display(windows, middle.voi, max(pivots, default=None)),
        )


def _facts(header: Header) -> dict[str, Any]:
    return {
        "modality": header.modality,
        "body_part": header.body_part,
        "scanner": header.scanner,
        "patient_id": header.patient_id,
        "study_uid": header.study_uid,
        "series_uid": header.series_uid,
        "photometric": header.photometric,
    }


def _display(windows: Sequence[Window], voi: Voi, pivot: float | None) -> dict[str, Any]:
    table = voi.table
    return {
        "window": (windows[0].center, windows[0].width) if windows else None,
        "presets": tuple((w.name, w.center, w.width) for w in windows),
        "voi_function": voi.function,
        "voi_table": table if table is None or pivot is None else table.inverted(pivot),
    }


def _padding(pictures: Sequence[Picture]) -> list[ScanWarning]:
    n = sum(picture.padding for picture in pictures)
    what = f"{n} padding values outside of the picture are set to its lowest value"
    return [warning("padding_replaced", what)] if n else []


def _odd_geometry(
    header: Header, planes: Sequence[Plane], affine: NDArray[np.float64], shape: Sequence[int]
) -> list[ScanWarning]:
    said = []
    angle = tilt(planes)
    if angle > _TILT:
        what = f"slices are sheared by {angle:.1f} degrees (gantry tilt)"
        said.append(warning("gantry_tilt", what))
    step = float(np.linalg.norm(affine[:3, 2]))
    if header.thickness and step > _GAP * header.thickness:
        what = f"slices lie {step:.3g} mm apart and are {header.thickness:.3g} mm thick"
        said.append(warning("slice_gap", what))
    to_right = float((affine @ [*((n - 1) / 2 for n in shape[:3]), 1.0])[0])
    side = {"L": -to_right, "R": to_right}.get(header.laterality or "", 0.0)
    if side < -_OTHER_SIDE:
        what = f"laterality is {header.laterality}, but the middle lies {-side:.0f} mm beyond"
        said.append(warning("laterality_conflict", what))
    return said
