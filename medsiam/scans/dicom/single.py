"""One DICOM file -> `Scan`: a single slice is 2D, frames with positions are a volume."""

from __future__ import annotations

from pathlib import Path

from medsiam.scans.dicom.assemble import slice_scan, volume_scan
from medsiam.scans.dicom.frames import frame_planes
from medsiam.scans.dicom.geometry import same_direction, same_spacing
from medsiam.scans.dicom.header import header_of, read_dataset
from medsiam.scans.dicom.pixels import pictures
from medsiam.scans.faults import fault
from medsiam.scans.scan import Scan


def read_dicom(path: Path) -> Scan:
    """Read one DICOM file.

    Raises:
        ScanError: `mosaic_not_supported`, `no_geometry`, `mixed_orientation`, `mixed_spacing`, and
            every fault of header, pixels and stack.
    """
    dataset = read_dataset(path)
    header = header_of(dataset, path)
    if header.is_mosaic:
        raise fault("mosaic_not_supported", path, "a Siemens mosaic")
    planes = frame_planes(dataset, header.frames)
    if header.frames == 1:
        (picture,) = pictures(dataset, header)
        return slice_scan(header, picture, planes[0] if planes else header.plane)
    if planes is None:
        raise fault("no_geometry", path, f"{header.frames} frames without positions")
    if not all(same_direction(planes[0], plane) for plane in planes):
        raise fault("mixed_orientation", path, "frames in different directions")
    if not all(same_spacing(planes[0], plane) for plane in planes):
        raise fault("mixed_spacing", path, "frames of different pixel spacing")
    return volume_scan(
        header,
        planes,
        pictures(dataset, header),
        path=path,
        sources=(path,),
        warnings=header.warnings,
    )
