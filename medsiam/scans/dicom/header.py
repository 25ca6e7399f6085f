"""The header of one DICOM file: the facts that decide what it is and where it belongs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID

from medsiam.scans.dicom.elements import code_string, device_name, numbers, text, uid, words
from medsiam.scans.dicom.geometry import Plane, make_plane
from medsiam.scans.dicom.head import Head, read_head, read_whole
from medsiam.scans.dicom.marks import PRIVATE_B_VALUES, Marks, marks_of
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_size

_KEYWORDS = (
    "SpecificCharacterSet",
    "ImageType",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "PatientID",
    "BodyPartExamined",
    "SliceThickness",
    "EchoTime",
    "EchoNumbers",
    "TriggerTime",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "ContentTime",
    "ConvolutionKernel",
    "DiffusionBValue",
    "DiffusionGradientOrientation",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "AcquisitionNumber",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "Laterality",
    "ImageLaterality",
    "TemporalPositionIdentifier",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PixelSpacing",
    "BurnedInAnnotation",
    "RecognizableVisualFeatures",
    "Manufacturer",
    "ManufacturerModelName",
)
_PIXEL_KEYWORDS = (
    "PlanarConfiguration",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "RescaleIntercept",
    "RescaleSlope",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "VOILUTSequence",
    "ModalityLUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PaletteColorLookupTableUID",
    *(
        f"{kind}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
)


def _tags(keywords: Iterable[str]) -> frozenset[int]:
    return frozenset(tag for keyword in keywords if (tag := tag_for_keyword(keyword)))


TAGS = _tags(_KEYWORDS) | {*PRIVATE_B_VALUES}  # of the header pass
_ALL_TAGS = TAGS | _tags(_PIXEL_KEYWORDS)

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
        marks: what tells pictures at one position apart.
        scanner: manufacturer and model.
        laterality: "L" or "R" where the header names one side of the body.
        patient_id: in memory only.
        warnings: what is odd.
    """

    path: Path
    columns: int
    rows: int
    frames: int
    samples: int
    plane: Plane | None
    spacing: tuple[float, float] | None
    thickness: float | None
    marks: Marks
    modality: str | None
    body_part: str | None
    scanner: str | None
    laterality: str | None
    photometric: str | None
    transfer_syntax: UID
    sop_uid: str | None
    series_uid: str | None
    study_uid: str | None
    patient_id: str | None = field(repr=False)
    warnings: tuple[ScanWarning, ...] = ()

    @property
    def slice_key(self) -> tuple[object, ...] | None:
        """What copies of a slice share: SOPInstanceUID, marks, position; None where not known."""
        if self.sop_uid is None or self.plane is None:
            return None
        return (self.sop_uid, self.marks, *(round(mm, 3) for mm in self.plane.position))

    @property
    def is_mosaic(self) -> bool:
        """True where one picture holds many slices as tiles (Siemens)."""
        return "MOSAIC" in self.marks.image_type

    @property
    def is_localizer(self) -> bool:
        """True for an overview picture on which a scan was planned."""
        return "LOCALIZER" in self.marks.image_type


def read_header(path: Path, file: BinaryIO | None = None) -> Header:
    """Read the header of a DICOM file without its pixels.

    Args:
        path: the file.
        file: the same, open at its start; None opens it.

    Raises:
        ScanError: `damaged_dicom`, `not_an_image`, `dicomdir`, `truncated_pixels`, `too_large`,
            `expands_too_much`.
    """
    if file is None:
        with path.open("rb") as opened:
            return header_of(read_head(opened, path, TAGS), path)
    return header_of(read_head(file, path, TAGS), path)


def read_dataset(path: Path) -> tuple[FileDataset, Header]:
    """Read a whole DICOM image file, pixels still encoded, and the facts of its header.

    Raises:
        ScanError: as `read_header`; also `truncated_pixels` where the pixel data have no end.
    """
    dataset, syntax = read_whole(path, _ALL_TAGS)
    if "MOSAIC" in words(dataset, "ImageType"):  # what it is made of stands in private elements
        dataset, syntax = read_whole(path, None)
    tags = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    has_pixels = any(tag in dataset for tag in tags)
    if not has_pixels:
        read_header(path)  # says so where there never were any
        raise fault("truncated_pixels", path, "the file ends within its pixel data")
    return dataset, header_of(Head(dataset, dataset.file_meta, syntax, has_pixels), path)


def header_of(head: Head, path: Path) -> Header:
    """Return the facts of a data set that was read from `path`.

    Raises:
        ScanError: `damaged_dicom`, `not_an_image`, `dicomdir`, `truncated_pixels`, `too_large`.
    """
    dataset = head.dataset
    sop_class = UID(
        text(dataset, "SOPClassUID") or text(head.meta, "MediaStorageSOPClassUID") or ""
    )
    _refuse_other_objects(head, sop_class, path)
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
    modality, marks = code_string(text(dataset, "Modality")), marks_of(dataset)
    if said := _shows_identity(dataset):
        warnings.append(warning("shows_identity", said))
    elif why := _may_show_text(dataset, sop_class, modality, marks.image_type):
        warnings.append(warning("burned_in_text", why))
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
        marks=marks,
        modality=modality,
        body_part=code_string(text(dataset, "BodyPartExamined")),
        scanner=_scanner(dataset),
        laterality=text(dataset, "ImageLaterality") or text(dataset, "Laterality"),
        photometric=code_string(text(dataset, "PhotometricInterpretation")),
        transfer_syntax=head.transfer_syntax,
        sop_uid=uid(text(dataset, "SOPInstanceUID")),
        series_uid=uid(text(dataset, "SeriesInstanceUID")),
        study_uid=uid(text(dataset, "StudyInstanceUID")),
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


def _count(dataset: Dataset, keyword: str, path: Path, *, default: int | None = None) -> int:
    """Return a whole positive number, or `default` where the element is absent or empty."""
    if default is not None and text(dataset, keyword) in (None, "0"):
        return default
    values = numbers(dataset, keyword, 1)
    if values is None or values[0] < 1 or values[0] != int(values[0]):
        raise fault("damaged_dicom", path, f"{keyword} is no positive whole number")
    return int(values[0])


def _refuse_other_objects(head: Head, sop_class: UID, path: Path) -> None:
    if not sop_class and not len(head.dataset) and not head.has_pixels:
        raise fault("damaged_dicom", path, "it ends where its data set should begin")
    keyword = sop_class.keyword
    name = sop_class.name if keyword else "unknown object"
    if keyword == _DICOMDIR:
        raise fault("dicomdir", path, "it is a DICOMDIR")
    if keyword in _NOT_IMAGES:
        raise fault("not_an_image", path, f"it is a {name}")
    is_image = "Image" in keyword
    has_size = bool(words(head.dataset, "Rows"))
    if is_image and not has_size:
        raise fault("damaged_dicom", path, f"a {name} without Rows and Columns")
    if not head.has_pixels and is_image:
        raise fault("truncated_pixels", path, f"a {name} without pixel data")
    if not head.has_pixels or not has_size:
        raise fault("not_an_image", path, f"an object without pixel data ({name})")


def _scanner(dataset: Dataset) -> str | None:
    maker, model = (
        device_name(text(dataset, keyword)) for keyword in ("Manufacturer", "ManufacturerModelName")
    )
    return " ".join(name for name in (maker, model) if name) or None


def _shows_identity(dataset: Dataset) -> str | None:
    """Return what the header says of names, dates or a face in the picture (PS3.3 C.7.6.1)."""
    if _says_yes(dataset, "BurnedInAnnotation"):
        return "BurnedInAnnotation is YES: names or dates may be drawn into the picture"
    if _says_yes(dataset, "RecognizableVisualFeatures"):
        return "RecognizableVisualFeatures is YES: the patient may be recognised in the picture"
    return None


def _says_yes(dataset: Dataset, keyword: str) -> bool:
    return (text(dataset, keyword) or "").upper() == "YES"


def _may_show_text(
    dataset: Dataset, sop_class: UID, modality: str | None, image_type: tuple[str, ...]
) -> str | None:
    """Return why names or dates may be drawn into the picture, or None.

    BurnedInAnnotation is often absent, so kinds of pictures that usually carry text count too.
    """
    if (text(dataset, "BurnedInAnnotation") or "").upper() == "NO":
        return None
    if modality == "US":
        return "ultrasound often shows names and dates in the picture"
    if "SecondaryCapture" in sop_class.keyword:
        return "a secondary capture (screenshot, scanned film) may show names and dates"
    if any("SCREEN" in word.upper() for word in image_type):
        return "a screenshot may show names and dates"
    return None
