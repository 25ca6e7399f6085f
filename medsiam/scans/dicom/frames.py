"""Where the frames of a multi-frame DICOM object lie.

Enhanced objects keep the geometry in functional groups (PS3.3 C.7.6.16.2).
"""

from __future__ import annotations

from pydicom.dataset import Dataset

from medsiam.scans.dicom.geometry import Plane, make_plane
from medsiam.scans.dicom.header import numbers, pixel_spacing


def frame_planes(dataset: Dataset, frames: int) -> list[Plane] | None:
    """Return the plane of each frame, or None where one of them is unknown.

    A value in the frame's own functional groups goes before one in the shared groups.
    """
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    if len(per_frame) != frames:
        return None
    planes = []
    for own in per_frame:
        position = _item([own, *shared], "PlanePositionSequence")
        orientation = _item([own, *shared], "PlaneOrientationSequence")
        measures = _item([own, *shared], "PixelMeasuresSequence")
        plane = make_plane(
            numbers(position, "ImagePositionPatient", 3),
            numbers(orientation, "ImageOrientationPatient", 6),
            pixel_spacing(measures),
        )
        if plane is None:
            return None
        planes.append(plane)
    return planes


def _item(groups: list[Dataset], sequence: str) -> Dataset:
    """Return the first item of a sequence in the first group that has one; empty if none has."""
    for group in groups:
        items = group.get(sequence) or []
        if len(items):
            item: Dataset = items[0]
            return item
    return Dataset()
