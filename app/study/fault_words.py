"""Why a study cannot be opened, in the reader's words: what we saw, why it matters, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from medsiam.errors import MedsiamError, ScanError
from medsiam.scans import FAULTS


class Words(NamedTuple):
    """Three sentences for one kind of fault."""

    saw: str
    matters: str
    to_do: str


_AGAIN = "Send or export the study once more from the archive (PACS)"
_WORDS: dict[str, tuple[str, str, str]] = {
    "missing_file": (
        "The file is no longer where it was.",
        "There is nothing to read.",
        "Choose the study again; somebody may have moved it.",
    ),
    "no_access": (
        "The file is there, but this program may not open it.",
        "There is nothing to read without permission.",
        "Ask whoever looks after the folder for permission to read it.",
    ),
    "not_a_file": (
        "This is a device or a pipe and no file.",
        "Reading it could wait for ever.",
        "Choose an ordinary file.",
    ),
    "empty_file": (
        "The file is empty.",
        "There is no picture in it.",
        f"{_AGAIN}: the transfer has probably stopped before it began.",
    ),
    "unknown_format": (
        "This is no picture that can be read here.",
        "Only DICOM, NIfTI, PNG, JPEG, TIFF, and ZIP archives of them are read.",
        "Export the study as DICOM, and open that. A letter or a table cannot be compared.",
    ),
    "not_an_image": (
        "This DICOM file is a report, a segmentation, a plan or a dose.",
        "It holds no picture to compare.",
        "Open the image series that it was made for.",
    ),
    "dicomdir": (
        "This is the table of contents of a DICOM disc.",
        "It lists the images and holds none of them.",
        "Open the folder of the disc, or a ZIP of the whole disc.",
    ),
    "unreadable": (
        "The file looks right, but reading it failed.",
        "Whatever could be shown might not be what was scanned.",
        f"{_AGAIN}. If that does not help, ask the maker of the scanner for its export settings.",
    ),
    "too_large": (
        "The picture or volume is larger than this program reads.",
        "Reading it could stop this computer for everybody.",
        "Open a smaller series, or one that was reformatted to thicker slices.",
    ),
    "expands_too_much": (
        "A small file would unpack to a huge one.",
        "Files like that fill disk and memory; they are seldom scans.",
        f"Do not open it again. {_AGAIN}, from a source that you trust.",
    ),
    "nested_too_deep": (
        "The header holds lists within lists without end.",
        "No scanner writes such a header; reading it could stop the program.",
        f"{_AGAIN}, and report the file if it happens again.",
    ),
    "timed_out": (
        "Reading took longer than a minute and was stopped.",
        "One study must not hold up all other readers.",
        "Try a smaller series. If the computer is busy, try again later.",
    ),
    "reader_crashed": (
        "The part of the program that unpacks pictures has stopped on this file.",
        "The picture is damaged, or packed in an unusual way.",
        f"{_AGAIN}, uncompressed if the archive offers that.",
    ),
    "damaged_archive": (
        "The ZIP archive is damaged.",
        "What comes out of it may not be what was packed.",
        "Pack the study again, and wait until the file is complete before you open it.",
    ),
    "encrypted_archive": (
        "The ZIP archive is locked with a password.",
        "This program asks for no passwords.",
        "Unpack it on your computer, and open the files or a ZIP without a password.",
    ),
    "nested_archive": (
        "There is a ZIP archive within the ZIP archive.",
        "Archives within archives are not opened.",
        "Unpack the inner one, and open that by itself.",
    ),
    "damaged_dicom": (
        "The DICOM file is damaged.",
        "Sizes and positions read from it could be wrong.",
        f"{_AGAIN}; the copy that you have is not whole.",
    ),
    "damaged_nifti": (
        "The NIfTI file is damaged.",
        "Its size or its geometry could be wrong.",
        "Convert the series again, or copy the file once more.",
    ),
    "damaged_image": (
        "The picture file is damaged.",
        "Part of what it would show could be wrong.",
        "Save the picture once more, best as PNG.",
    ),
    "nifti_pair": (
        "This is one half of a NIfTI pair (.hdr and .img).",
        "Nothing ties header and picture together, so they could belong to two patients.",
        "Convert the pair to a single .nii.gz file.",
    ),
    "multi_page": (
        "The file holds several pictures.",
        "Which of them is meant is not known.",
        "Save the one that you mean as a file of its own.",
    ),
    "truncated_pixels": (
        "The picture ends before it is complete.",
        "What is missing could be the lesion.",
        f"{_AGAIN}: the transfer has stopped too early.",
    ),
    "damaged_pixels": (
        "The header can be read, the picture itself cannot.",
        "There is nothing to show or to compare.",
        f"{_AGAIN}, with another compression if it happens again.",
    ),
    "unsupported_transfer_syntax": (
        "The picture is compressed in a way that is not read here.",
        "There is no way to get its grey values back.",
        "Export it uncompressed, or as JPEG 2000.",
    ),
    "unsupported_pixels": (
        "The values are of a kind that is no plain picture, such as complex numbers.",
        "They have no grey values that could be compared.",
        "Export the magnitude image, or grey values.",
    ),
    "no_finite_values": (
        "The picture holds no numbers.",
        "There is nothing to show and nothing to compare.",
        "Look at how the file was made; a calculated map may have failed.",
    ),
    "no_geometry": (
        "The slices do not say where they lie.",
        "Their order and distance would be a guess.",
        "Export the series with its geometry, or open a single slice as a picture.",
    ),
    "frames_without_positions": (
        "The file is a film, or a stack of pictures without positions.",
        "Which of its pictures is meant is not known.",
        "Save the frame that you mean as a picture of its own.",
    ),
    "missing_slices": (
        "Slices are missing within the series.",
        "A volume made of the rest would be bent, and the gap could hide the lesion.",
        "Get the complete series from the archive, and open it again.",
    ),
    "uneven_slices": (
        "The distance between slices changes within the series.",
        "A volume needs one distance; parts of this one would be stretched.",
        "Open the original series and no selection of it, or let it be reformatted evenly.",
    ),
    "misaligned_slices": (
        "The slices are shifted sideways against each other.",
        "Put on top of each other they make no straight volume.",
        "Let the series be reformatted on the workstation, and open the result.",
    ),
    "several_time_points": (
        "The series shows the same place at several times (4D).",
        "Which moment is meant is not known.",
        "Export the phase or time point that you mean as a series of its own.",
    ),
    "several_echoes": (
        "The series holds several echoes.",
        "Each echo is a volume of another contrast.",
        "Export the echo that you mean as a series of its own.",
    ),
    "several_image_types": (
        "The series mixes kinds of pictures, such as magnitude and phase.",
        "Each kind makes a volume of its own.",
        "Export the kind that you mean, mostly the magnitude or original images.",
    ),
    "repeated_positions": (
        "Several pictures lie at the same place, and nothing tells them apart.",
        "Any choice among them would be a guess.",
        f"{_AGAIN}, one series at a time.",
    ),
    "mixed_matrix": (
        "The slices have different numbers of rows and columns.",
        "They cannot be stacked to one volume.",
        "Leave out localizers and screenshots; open slices of one size.",
    ),
    "mixed_orientation": (
        "The slices lie in different directions.",
        "They cannot be stacked to one volume.",
        "Open the axial, the coronal or the sagittal slices by themselves.",
    ),
    "mixed_spacing": (
        "The slices were scanned with different pixel sizes.",
        "Stacked, structures would change their size from slice to slice.",
        "Open the slices of one field of view by themselves.",
    ),
    "unknown_mosaic": (
        "All slices are tiles of one picture (Siemens mosaic).",
        "Its header does not say how they are laid out.",
        "Export the series as enhanced DICOM, or convert it to NIfTI.",
    ),
    "several_series": (
        "There are several series in here.",
        "Which of them is meant is not known.",
        "Choose one of them.",
    ),
    "no_such_part": (
        "The part that was asked for is not in the file.",
        "There is nothing to read.",
        "Choose the study again, and then one of the series that are offered.",
    ),
    "no_scan": (
        "There is no scan in this folder or archive.",
        "There is nothing to compare.",
        "Choose the folder above or below it, or pack the folder that holds the images.",
    ),
    # Not of the files: what this bank can be asked
    "nothing_to_compare": (
        "Nothing in here can be compared with this bank.",
        "A bank knows only scans of its own kind.",
        "Look at what was left out and why; open another series, or start with another bank.",
    ),
    "other_dimension": (
        "This is a single picture and the bank holds volumes, or the other way round.",
        "Pictures and volumes have no common distance.",
        "Open a series of the other kind, or start with a bank that holds this kind.",
    ),
    "other_encoder": (
        "The encoder of this bank cannot take this scan.",
        "A distance between scans that were prepared in different ways means nothing.",
        "Open a scan of the kind that the bank holds, or start with another bank.",
    ),
    "too_many_files": (
        "These are more files than can be uploaded at once.",
        "A browser does not hand on so many files reliably.",
        "Pack the study as one ZIP and open that.",
    ),
    "too_many_bytes": (
        "This is more than can be uploaded at once.",
        "Everything that is uploaded is held in this computer's memory.",
        "Open one series instead of the whole study, or put it into the studies folder.",
    ),
}
FAULT_WORDS = {code: Words(*words) for code, words in _WORDS.items()}
_UNKNOWN = Words(
    "This study cannot be opened.",
    "The program does not know why.",
    "Try another series. If it happens again, report it.",
)


def words_for(error: MedsiamError) -> Words:
    """Return the three sentences for an error."""
    code = error.code if isinstance(error, ScanError) else ""
    return FAULT_WORDS.get(code, _UNKNOWN)


def detail_of(error: MedsiamError, places: Iterable[Path]) -> str | None:
    """Return what was seen in this very study, without path and remedy; None where that is all.

    Args:
        error: whose message begins with the path of what it is about.
        places: all paths that it may begin with; they may name a patient.
    """
    fault = FAULTS.get(error.code) if isinstance(error, ScanError) else None
    said = str(error)
    begun = next((f"{place}: " for place in places if said.startswith(f"{place}: ")), None)
    if fault is None or begun is None:
        return None
    return said.removeprefix(begun).removesuffix(f"; {fault.remedy}")
