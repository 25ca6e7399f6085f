"""The header of one DICOM file: the facts that decide what it is and where it belongs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medsiam.scans.dicom.geometry import Plane, make_plane
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_size

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

_TAGS = [
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "BodyPartExamined",
    "SliceThickness",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
]
_DICOMDIR = "MediaStorageDirectoryStorage"
# Objects with pixel data that show no picture of the patient.
_NOT_IMAGES = {
    "SegmentationStorage",
    "LabelMapSegmentationStorage",
    "HeightMapSegmentationStorage",
    "RTDoseStorage",
    "RawDataStorage",
    "ColorPaletteStorage",
    "RealWorldValueMappingStorage",
}


@dataclass(frozen=True)
class Header:
    """Facts from the header of one DICOM image.

    Attributes:
        path: the file.
        columns, rows, frames: size; `frames` is 1 for a single slice.
        samples: 1 for grey and palette, 3 for colour.
        plane: position in space, None where unknown (always None for several frames, whose
            positions lie in functional groups).
        spacing: mm between columns, mm between rows; None where unknown.
        thickness: mm, None where unknown.
        patient_id: in memory only.
        warnings: sentences about odd values.
    """

    path: Path
    columns: int
    rows: int
    frames: int
    samples: int
    plane: Plane | None
    spacing: tuple[float, float] | None
    thickness: float | None
    modality: str | None
    body_part: str | None
    photometric: str | None
    image_type: tuple[str, ...]
    sop_uid: str | None
    series_uid: str | None
    study_uid: str | None
    patient_id: str | None = field(repr=False)
    warnings: tuple[ScanWarning, ...] = ()

    @property
    def slice_key(self) -> tuple[object, ...] | None:
        """What copies of a slice share, SOPInstanceUID and position; None where not known."""
        if self.sop_uid is None or self.plane is None:
            return None
        return (self.sop_uid, *(round(mm, 3) for mm in self.plane.position))

    @property
    def is_mosaic(self) -> bool:
        """True where one picture holds many slices as tiles (Siemens)."""
        return "MOSAIC" in self.image_type

    @property
    def is_localizer(self) -> bool:
        """True for an overview picture on which a scan was planned."""
        return "LOCALIZER" in self.image_type


def read_header(path: Path) -> Header:
    """Read the header of a DICOM file without its pixels.

    Raises:
        ScanError: `damaged_dicom`, `not_an_image`, `dicomdir`, `truncated_pixels`, `too_large`.
    """
    with path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS, force=True)
        has_pixels = _stopped_before_pixels(dataset, file)
    return header_of(dataset, path, has_pixels=has_pixels)


def read_dataset(path: Path) -> FileDataset:
    """Read a whole DICOM image file, pixels still encoded.

    Raises:
        ScanError: as `read_header`; also `truncated_pixels` where the pixel data have no end.
    """
    dataset = pydicom.dcmread(path, force=True)
    if not any(element in dataset for element in PIXEL_ELEMENTS):
        read_header(path)  # says so where there never were any
        raise fault("truncated_pixels", path, "the file ends within its pixel data")
    if "TransferSyntaxUID" not in dataset.file_meta:  # no preamble: as the reader found it
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def header_of(dataset: FileDataset, path: Path, *, has_pixels: bool = True) -> Header:
    """Return the facts of a data set that was read from `path`.

    Raises:
        ScanError: `damaged_dicom`, `not_an_image`, `dicomdir`, `truncated_pixels`, `too_large`.
    """
    _refuse_other_objects(dataset, path, has_pixels)
    columns, rows = _count(dataset, "Columns", path), _count(dataset, "Rows", path)
    frames = _count(dataset, "NumberOfFrames", path, default=1)
    check_size(path, (columns, rows, frames))
    spacing = pixel_spacing(dataset)
    position = numbers(dataset, "ImagePositionPatient", 3)
    orientation = numbers(dataset, "ImageOrientationPatient", 6)
    plane = make_plane(position, orientation, spacing) if frames == 1 else None
    warnings = []
    if position and orientation and spacing and plane is None and frames == 1:
        what = "ImageOrientationPatient is no pair of unit vectors at right angles"
        warnings.append(warning("odd_orientation", what))
    thickness = numbers(dataset, "SliceThickness", 1)
    return Header(
        path=path,
        columns=columns,
        rows=rows,
        frames=frames,
        samples=_count(dataset, "SamplesPerPixel", path, default=1),
        plane=plane,
        spacing=spacing,
        thickness=thickness[0] if thickness and thickness[0] > 0 else None,
        modality=text(dataset, "Modality"),
        body_part=text(dataset, "BodyPartExamined"),
        photometric=text(dataset, "PhotometricInterpretation"),
        image_type=_words(dataset, "ImageType"),
        sop_uid=text(dataset, "SOPInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        warnings=tuple(warnings),
    )


def pixel_spacing(dataset: Dataset) -> tuple[float, float] | None:
    """Return mm between columns and mm between rows, or None where they are not given.

    ImagerPixelSpacing is not taken: it is measured at the detector, not in the patient.
    """
    values = numbers(dataset, "PixelSpacing", 2)
    if values is None or min(values) <= 0:
        return None
    return values[1], values[0]


def numbers(dataset: Dataset, keyword: str, count: int | None = None) -> tuple[float, ...] | None:
    """Return the finite numbers of an element, or None where it is absent or broken.

    Args:
        dataset: where to look.
        keyword: the element.
        count: how many there must be; None takes any number but none.
    """
    try:
        value = dataset.get(keyword)
        several = isinstance(value, (MultiValue, list, tuple))
        values = tuple(float(v) for v in (value if several else [value]))
    except Exception:  # a broken value may raise anything when pydicom converts it
        return None
    fits = len(values) == count if count is not None else len(values) > 0
    return values if fits and all(map(math.isfinite, values)) else None


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return an element as text without padding, or None where it is empty or broken."""
    try:
        return str(dataset.get(keyword) or "").strip() or None
    except Exception:  # as above
        return None


def _words(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    try:
        value = dataset.get(keyword) or ()
        return (value,) if isinstance(value, str) else tuple(str(word) for word in value)
    except Exception:  # as above
        return ()


def _count(dataset: Dataset, keyword: str, path: Path, *, default: int | None = None) -> int:
    """Return a whole positive number, or `default` where the element is absent or empty."""
    if default is not None and text(dataset, keyword) is None:
        return default
    values = numbers(dataset, keyword, 1)
    if values is None or values[0] < 1 or values[0] != int(values[0]):
        raise fault("damaged_dicom", path, f"{keyword} is no positive whole number")
    return int(values[0])


def _refuse_other_objects(dataset: FileDataset, path: Path, has_pixels: bool) -> None:
    uid = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    name = uid.name if isinstance(uid, pydicom.uid.UID) and uid.name != uid else "unknown object"
    keyword = uid.keyword if isinstance(uid, pydicom.uid.UID) else ""
    if keyword == _DICOMDIR:
        raise fault("dicomdir", path, "it is a DICOMDIR")
    if keyword in _NOT_IMAGES:
        raise fault("not_an_image", path, f"it is a {name}")
    is_image = "Image" in keyword
    if is_image and "Rows" not in dataset:
        raise fault("damaged_dicom", path, f"a {name} without Rows and Columns")
    if not has_pixels and is_image:
        raise fault("truncated_pixels", path, f"a {name} without pixel data")
    if not has_pixels or "Rows" not in dataset:
        raise fault("not_an_image", path, f"an object without pixel data ({name})")


def _stopped_before_pixels(dataset: FileDataset, file: BinaryIO) -> bool:
    """Return True where the header pass stopped with something left to read: the pixel data."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_transfer_syntax and syntax.is_deflated:
        return True  # read to its end to be inflated: whether there are pixels is seen later
    return bool(file.read(1))
