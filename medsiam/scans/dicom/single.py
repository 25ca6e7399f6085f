"""One DICOM file -> `Scan`: a single slice is 2D, frames with positions and mosaics are volumes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset

from medsiam.scans.dicom.assemble import Stack, slice_scan
from medsiam.scans.dicom.frames import FrameVolume, frame_places, frame_volumes
from medsiam.scans.dicom.header import Header, read_dataset
from medsiam.scans.dicom.mosaic import mosaic_of
from medsiam.scans.dicom.pixels import pictures
from medsiam.scans.dicom.volumes import why_several
from medsiam.scans.faults import fault, warning
from medsiam.scans.scan import Scan


def read_dicom(path: Path, *, part: int | None = None, allow_resample: bool = False) -> Scan:
    """Read one DICOM file.

    Args:
        path: the file.
        part: which of the volumes, or of the frames without positions, from 0; None where the
            file holds one.
        allow_resample: interpolate where slices are missing or unevenly spaced.

    Raises:
        ScanError: `unknown_mosaic`, `frames_without_positions`, `several_time_points`,
            `several_echoes`, `several_image_types`, `mixed_orientation`, `mixed_spacing`,
            `no_such_part`, and every fault of header, pixels and stack.
    """
    dataset, header = read_dataset(path)
    if header.is_mosaic:
        _check_part(part, 1, path)
        return _mosaic(dataset, header)
    if header.frames == 1:
        _check_part(part, 1, path)
        places = frame_places(dataset, 1)
        (picture,) = pictures(dataset, header)
        return slice_scan(header, picture, places[0].plane if places else header.plane)
    volumes = frame_volumes(dataset, header.frames)
    if volumes is None:
        return _film_frame(dataset, header, part)
    if part is None and len(volumes) > 1:
        code, what = why_several([volume.placed[0] for volume in volumes])
        raise fault(code, path, f"{header.frames} frames: {what}")
    _check_part(part, len(volumes), path)
    return _volume(dataset, header, volumes[part or 0], allow_resample)


def _check_part(part: int | None, n: int, path: Path) -> None:
    if part is not None and not 0 <= part < n:
        raise fault("no_such_part", path, f"part {part} of {n} (counted from 0)")


def _film_frame(dataset: Dataset, header: Header, part: int | None) -> Scan:
    """One frame of a film, or of a stack of which nothing says how it lies."""
    if part is None:
        what = f"{header.frames} frames without positions"
        raise fault("frames_without_positions", header.path, what)
    _check_part(part, header.frames, header.path)
    (picture,) = pictures(dataset, header, [part])
    said = warning("one_of_several", f"frame {part + 1} of {header.frames}")
    return slice_scan(header, picture, None, warnings=[said])


def _volume(dataset: Dataset, header: Header, volume: FrameVolume, allow_resample: bool) -> Scan:
    planes = [one.plane for one in volume.placed]
    if len(planes) == 1:
        (picture,) = pictures(dataset, header, volume.frames)
        return slice_scan(header, picture, planes[0])
    stack = Stack(header, len(planes), header.path)
    for plane, picture in zip(planes, pictures(dataset, header, volume.frames), strict=True):
        stack.add(picture, plane)
    return stack.scan(
        sources=(header.path,), warnings=header.warnings, allow_resample=allow_resample
    )


def _mosaic(dataset: Dataset, header: Header) -> Scan:
    mosaic = mosaic_of(dataset, header)
    (picture,) = pictures(dataset, header)
    tile = replace(header, columns=mosaic.columns, rows=mosaic.rows)
    stack = Stack(tile, len(mosaic.planes), header.path)
    for k, plane in enumerate(mosaic.planes):
        row, column = divmod(k, mosaic.per_side)
        x, y = column * mosaic.columns, row * mosaic.rows
        cut = picture.array[x : x + mosaic.columns, y : y + mosaic.rows]
        stack.add(replace(picture, array=cut, padding=0), plane)
    return stack.scan(sources=(header.path,), warnings=header.warnings)
