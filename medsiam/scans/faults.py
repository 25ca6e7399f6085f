"""The closed list of what can be wrong with a file, with stable codes.

A fault stops the reading of what it is about: every `ScanError` of this package is made by
`fault`. A warning lets the reading go on: every sentence in `Scan.warnings` is made by `warning`.
Each code has a reason and a remedy here; docs/reading.md holds the same list.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medsiam.errors import ScanError


@dataclass(frozen=True)
class Fault:
    """One kind of fault or warning.

    Attributes:
        matters: why the file is not read all the same, or what may be wrong with what was read.
        remedy: what the reader of the message can do.
        foreign: True where the file is no scan at all (junk beside the scans), so that skipping
            it loses nothing; False where a scan is there and cannot be read.
    """

    matters: str
    remedy: str
    foreign: bool = False


class ScanWarning(str):
    """A sentence about something odd that was read all the same.

    Attributes:
        code: key of `WARNINGS`.
    """

    __slots__ = ("code",)

    code: str

    def __new__(cls, code: str, sentence: str) -> ScanWarning:
        """Return `sentence` with its code."""
        made = super().__new__(cls, sentence)
        made.code = code
        return made


_EXPORT = "export or copy it again from where it came"
_PARTS = "`medsiam info` lists the parts; leave one kind of slices in the folder"
_CHOOSE = "choose one of them with read_scan(path, part=0), part=1, ..."
_RESAMPLE = "get the complete series from the archive, or allow resampling (`--allow-resample`)"

FAULTS: dict[str, Fault] = {
    # The file itself
    "missing_file": Fault("there is nothing to read", "check the path"),
    "no_access": Fault("it cannot be opened", "check the permissions"),
    "not_a_file": Fault("a device or pipe could block for ever", "name a regular file"),
    "empty_file": Fault("there is nothing to read", _EXPORT, foreign=True),
    "unknown_format": Fault(
        "only DICOM, NIfTI, PNG, JPEG, TIFF and ZIP archives of them are read",
        "give DICOM, NIfTI (.nii, .nii.gz), PNG, JPEG, TIFF or a ZIP of them",
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
    # Too much for this computer, or made to be
    "too_large": Fault("reading it could exhaust the memory", "give a smaller image or volume"),
    "expands_too_much": Fault(
        "a small file that unpacks to a huge one can exhaust memory or disk", _EXPORT
    ),
    "nested_too_deep": Fault("sequences within sequences can exhaust the stack", _EXPORT),
    "timed_out": Fault("one file must not hold up all others", _EXPORT),
    "reader_crashed": Fault("the decoder for this file ended without an answer", _EXPORT),
    # ZIP archives
    "damaged_archive": Fault("what it unpacks to could be wrong", "pack it anew"),
    "encrypted_archive": Fault("it cannot be opened", "pack it without a password"),
    "nested_archive": Fault("archives within archives are not opened", "unpack it and name it"),
    # What the header says
    "damaged_dicom": Fault("values read from it could be wrong", _EXPORT),
    "damaged_nifti": Fault("values read from it could be wrong", _EXPORT),
    "damaged_image": Fault("values read from it could be wrong", _EXPORT),
    "nifti_pair": Fault(
        "header and voxels lie in two files, and nothing ties one to the other",
        "convert the pair to one .nii or .nii.gz",
    ),
    "multi_page": Fault("which page is meant is unknown", _CHOOSE),
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
    "frames_without_positions": Fault(
        "which frame of a film or stack without positions is meant is unknown", _CHOOSE
    ),
    "missing_slices": Fault("a volume made of the rest would be bent", _RESAMPLE),
    "uneven_slices": Fault("a volume with one slice distance would be bent", _RESAMPLE),
    "misaligned_slices": Fault(
        "slices shifted sideways make no straight volume", "resample the series first"
    ),
    "several_time_points": Fault(
        "the positions hold several pictures each (4D), and which one is meant is unknown", _CHOOSE
    ),
    "several_echoes": Fault("each echo is a volume, and which one is meant is unknown", _CHOOSE),
    "several_image_types": Fault(
        "magnitude, phase, original and derived pictures make volumes of their own", _CHOOSE
    ),
    "repeated_positions": Fault(
        "the positions hold several pictures, and nothing says which belong together", _EXPORT
    ),
    "mixed_matrix": Fault("slices of different size make no volume", _PARTS),
    "mixed_orientation": Fault("slices in different directions make no volume", _PARTS),
    "mixed_spacing": Fault("slices of different pixel spacing make no volume", _PARTS),
    "unknown_mosaic": Fault(
        "the slices are tiles of one picture (Siemens mosaic), and its header does not say how",
        "convert the series to NIfTI or to enhanced DICOM",
    ),
    # Folders
    "several_series": Fault(
        "which one is meant is unknown", "name one of them; `medsiam info` lists them"
    ),
    "no_such_part": Fault("there is nothing to read", "`medsiam info` lists the parts"),
    "no_scan": Fault("there is nothing to read", "`medsiam info` says what each file is"),
}

WARNINGS: dict[str, Fault] = {
    # The series
    "split_series": Fault("slices that make no common volume are held apart", "pick the right one"),
    "one_of_several": Fault("the series holds further volumes", "make sure that this one is meant"),
    "fewer_slices": Fault(
        "slices at an end may be missing", "get the complete series from the archive"
    ),
    "repeated_slices": Fault("copies of slices were left out", "nothing, unless it surprises you"),
    "left_out": Fault("other files in the folder were not read", "check that none is missed"),
    "slice_gap": Fault("tissue between the slices is not in the volume", "nothing, if planned so"),
    "gantry_tilt": Fault("the voxel grid is sheared", "nothing: the affine holds the shear"),
    "resampled": Fault("slices were interpolated, not measured", "prefer the complete series"),
    # The header
    "odd_orientation": Fault("the direction of the picture is unknown", _EXPORT),
    "odd_header": Fault("values of the header may be wrong", "compare them with the archive"),
    "odd_character_set": Fault("texts of the header may be wrong", "nothing: no text is used"),
    "laterality_conflict": Fault("left and right may be exchanged", "check with the archive"),
    "shows_identity": Fault(
        "the header says that names, dates or a face are to be seen",
        "look at it; a bank takes it when somebody has confirmed that it shows nobody",
    ),
    "burned_in_text": Fault(
        "names or dates may be drawn into the picture", "look at it before it leaves the house"
    ),
    # The values
    "excess_pixel_data": Fault("the rest was left", "nothing, unless the picture looks wrong"),
    "values_replaced": Fault("they were no finite numbers", "check how the file was made"),
    "padding_replaced": Fault("padding is no tissue", "nothing: it has the lowest value now"),
    "reduced_depth": Fault("fine steps of brightness are lost", "give more than 8 bits as grey"),
    "transparency": Fault("transparent parts have no value of their own", "look at the picture"),
    # NIfTI's geometry
    "sform_qform_disagree": Fault("the file gives two geometries", "check which one is right"),
    "unusable_affine": Fault("the geometry is unknown", "convert the file anew"),
    "voxel_size_used": Fault("the position in the room may be off", "convert the file anew"),
}


def fault(code: str, path: Path, what: str) -> ScanError:
    """Return the `ScanError` for `code`, saying what was seen in which file and what to do.

    Args:
        code: a key of `FAULTS`.
        path: the file or folder.
        what: what was seen, without full stop and without any value that names a patient.
    """
    return ScanError(code, f"{path}: {what}; {FAULTS[code].remedy}")


def warning(code: str, what: str) -> ScanWarning:
    """Return the warning for `code`.

    Args:
        code: a key of `WARNINGS`.
        what: what was seen, without full stop and without any value that names a patient.
    """
    assert code in WARNINGS
    return ScanWarning(code, what)


def is_foreign(code: str) -> bool:
    """Return True where a file skipped with this code is no scan at all."""
    return FAULTS[code].foreign
