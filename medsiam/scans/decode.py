"""Files of one source -> `Scan`, decoded in this process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from medsiam.scans.guard import guarded
from medsiam.scans.scan import Scan
from medsiam.scans.sniff import Kind


@dataclass(frozen=True)
class Request:
    """What is to be decoded.

    Attributes:
        kind: what the content is.
        path: the file, or the folder of all files, for messages.
        files: every file of the scan.
        part: which volume of a 4D file, frame of a film or page is meant, from 0; None where
            there is only one.
        allow_resample: fill gaps between slices by interpolation, and say so.
    """

    kind: Kind
    path: Path
    files: tuple[Path, ...]
    part: int | None = None
    allow_resample: bool = False


def decode(request: Request) -> Scan:
    """Read the pixels.

    Raises:
        ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
    """
    with guarded(request.path) as said:
        scan = _read(request)
    return replace(scan, warnings=(*scan.warnings, *said))


def _read(request: Request) -> Scan:
    # Each reader is imported when it is first needed: a process that only asks has no use for them.
    if request.kind == "dicom":
        from medsiam.scans.dicom.series import read_series

        return read_series(request.files, part=request.part, allow_resample=request.allow_resample)
    if request.kind == "nifti":
        from medsiam.scans.nifti import read_nifti

        return read_nifti(request.path, part=request.part)
    from medsiam.scans.image import read_image

    return read_image(request.path, part=request.part)
