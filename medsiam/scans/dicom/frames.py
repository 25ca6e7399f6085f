"""Where the frames of a multi-frame DICOM object lie, and which of them make a volume.

Enhanced objects keep the geometry in functional groups (PS3.3 C.7.6.16.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medsiam.scans.dicom.elements import numbers
from medsiam.scans.dicom.geometry import make_plane, same_direction, same_spacing
from medsiam.scans.dicom.head import read_head
from medsiam.scans.dicom.header import Header, pixel_spacing
from medsiam.scans.dicom.marks import marks_of
from medsiam.scans.dicom.volumes import Placed, separate

_PLACES = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_GROUPS = frozenset({0x52009229, 0x52009230})  # shared and per-frame functional groups
_MARKS = (
    "FrameContentSequence",
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "MREchoSequence",
    "MRDiffusionSequence",
    "CardiacSynchronizationSequence",
)


@dataclass(frozen=True)
class FrameVolume:
    """Frames that make one volume (or, alone, one image), from 0, in the order of the slices."""

    frames: tuple[int, ...]
    placed: tuple[Placed, ...]


def frame_places(dataset: Dataset, frames: int) -> list[Placed] | None:
    """Return the place of each frame, or None where one of them is unknown.

    A value in the frame's own functional groups goes before one in the shared groups.
    """
    per_frame = _items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = _items(dataset, "SharedFunctionalGroupsSequence")[:1]
    if len(per_frame) != frames:
        return None
    placed = []
    for number, own in enumerate(per_frame):
        position, orientation, measures = (_item([own, *shared], name) for name in _PLACES)
        plane = make_plane(
            numbers(position, "ImagePositionPatient", 3),
            numbers(orientation, "ImageOrientationPatient", 6),
            pixel_spacing(measures),
        )
        if plane is None:
            return None
        marked = [_item([own, *shared], name) for name in _MARKS]
        marked.append(_item(marked, "DiffusionGradientDirectionSequence"))
        placed.append(Placed(plane, marks_of(*marked, instance=number)))
    return placed


def frame_volumes(dataset: Dataset, frames: int) -> list[FrameVolume] | None:
    """Return the volumes that the frames make, or None where a frame has no known place."""
    placed = frame_places(dataset, frames)
    if placed is None:
        return None
    groups: list[list[int]] = []
    for number, one in enumerate(placed):
        for group in groups:
            first = placed[group[0]].plane
            if same_direction(first, one.plane) and same_spacing(first, one.plane):
                group.append(number)
                break
        else:
            groups.append([number])
    found = []
    for group in groups:
        for volume in separate([placed[i] for i in group]):
            chosen = tuple(group[k] for k in volume)
            found.append(FrameVolume(chosen, tuple(placed[i] for i in chosen)))
    return found


def volumes_in(header: Header) -> list[FrameVolume] | None:
    """Read the functional groups of a file with several frames; as `frame_volumes`.

    Raises:
        ScanError: as `read_head`.
    """
    with header.path.open("rb") as file:
        return frame_volumes(read_head(file, header.path, _GROUPS).dataset, header.frames)


def _item(groups: list[Dataset], sequence: str) -> Dataset:
    """Return the first item of a sequence in the first group that has one; empty if none has."""
    return next((found[0] for group in groups if (found := _items(group, sequence))), Dataset())


def _items(dataset: Dataset, sequence: str) -> list[Dataset]:
    value = dataset.get(sequence)
    return list(value) if isinstance(value, Sequence) else []  # another VR is damage
