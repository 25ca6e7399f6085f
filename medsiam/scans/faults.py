"""The closed list of what can be wrong with a file, with stable codes.

Every `ScanError` of this package is made by `fault`, so each code has a reason and a remedy here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medsiam.errors import ScanError


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        matters: why the file is not read all the same.
        remedy: what the reader of the message can do.
        foreign: True where the file is no scan at all (junk beside the scans), so that skipping
            it loses nothing; False where a scan is there and cannot be read.
    """

    matters: str
    remedy: str
    foreign: bool = False


_EXPORT = "export or copy it again from where it came"
_PARTS = "`medsiam info` lists the parts; leave one kind of slices in the folder"

FAULTS: dict[str, Fault] = {
    # The file itself
    "missing_file": Fault("there is nothing to read", "check the path"),
    "no_access": Fault("it cannot be opened", "check the permissions"),
    "not_a_file": Fault("a device or pipe could block for ever", "name a regular file"),
    "empty_file": Fault("there is nothing to read", _EXPORT, foreign=True),
    "unknown_format": Fault(
        "only DICOM, NIfTI, PNG, JPEG and TIFF are read",
        "give DICOM, NIfTI (.nii, .nii.gz), PNG, JPEG or TIFF",
        foreign=True,
    ),
    "not_an_image": Fault(
        "a report, segmentation, plan or dose holds no picture to compare",
        "give the images that it belongs to",
        foreign=True,
    ),
    "dicomdir": Fault(
        "it only lists other files, which are found without it", "give the folder", foreign=True
    ),
    "unreadable": Fault("the reading library gave up", _EXPORT),
    "too_large": Fault("reading it could exhaust the memory", "give a smaller image or volume"),
    # What the header says
    "damaged_dicom": Fault("values read from it could be wrong", _EXPORT),
    "damaged_nifti": Fault("values read from it could be wrong", _EXPORT),
    "damaged_image": Fault("values read from it could be wrong", _EXPORT),
    "nifti_pair": Fault(
        "header and voxels lie in two files, and nothing ties one to the other",
        "convert the pair to one .nii or .nii.gz",
    ),
    "multi_page": Fault("which page is meant is unknown", "save the page as an image of its own"),
    # Pixels
    "truncated_pixels": Fault("part of the picture is missing", _EXPORT),
    "damaged_pixels": Fault("the picture cannot be decoded", _EXPORT),
    "unsupported_transfer_syntax": Fault(
        "there is no decoder for this compression", "export it uncompressed or as JPEG 2000"
    ),
    "unsupported_pixels": Fault(
        "such values have no plain grey or colour picture", "convert it to grey values"
    ),
    "no_finite_values": Fault("there is nothing to compare", "check how the file was made"),
    # Slices and frames
    "no_geometry": Fault(
        "without positions the order and distance of slices would be a guess",
        "export the series with its geometry, or name single images",
    ),
    "missing_slices": Fault(
        "a volume made of the rest would be bent", "get the complete series from the archive"
    ),
    "misaligned_slices": Fault(
        "slices shifted sideways make no straight volume", "resample the series first"
    ),
    "several_time_points": Fault(
        "the positions hold several pictures each (4D), and which one is meant is unknown",
        "give one time point (one echo, one contrast phase) on its own",
    ),
    "mixed_matrix": Fault("slices of different size make no volume", _PARTS),
    "mixed_orientation": Fault("slices in different directions make no volume", _PARTS),
    "mixed_spacing": Fault("slices of different pixel spacing make no volume", _PARTS),
    "mosaic_not_supported": Fault(
        "the slices are tiles of one picture (Siemens mosaic)",
        "convert the series to NIfTI or to enhanced DICOM",
    ),
    # Folders
    "several_series": Fault(
        "which one is meant is unknown", "name one of them; `medsiam info` lists them"
    ),
    "no_scan": Fault("there is nothing to read", "`medsiam info` says what each file is"),
}


def fault(code: str, path: Path, what: str) -> ScanError:
    """Return the `ScanError` for `code`, saying what was seen in which file and what to do.

    Args:
        code: a key of `FAULTS`.
        path: the file or folder.
        what: what was seen, without full stop and without any value that names a patient.
    """
    return ScanError(code, f"{path}: {what}; {FAULTS[code].remedy}")


def is_foreign(code: str) -> bool:
    """Return True where a file skipped with this code is no scan at all."""
    return FAULTS[code].foreign
