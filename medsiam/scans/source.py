"""One thing that can be read into one `Scan`, known by its headers only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from medsiam.scans.guard import guarded
from medsiam.scans.image import read_image
from medsiam.scans.nifti import read_nifti
from medsiam.scans.scan import Scan
from medsiam.scans.series import read_series


@dataclass(frozen=True)
class ScanSource:
    """Files that `read` turns into one scan.

    Attributes:
        kind: what the content is.
        path: the file, or the folder that holds all files of the series.
        files: every file, sorted.
        series_uid: DICOM SeriesInstanceUID.
        modality: DICOM modality.
        spatial_dims: 2 or 3 as the headers promise; None where they do not say.
        is_localizer: an overview picture on which a scan was planned.
        warnings: sentences about how the source was found; `read` hands them on.
    """

    kind: Literal["dicom", "nifti", "image"]
    path: Path
    files: tuple[Path, ...]
    series_uid: str | None = None
    modality: str | None = None
    spatial_dims: int | None = None
    is_localizer: bool = False
    warnings: tuple[str, ...] = ()

    def read(self) -> Scan:
        """Read the pixels.

        Raises:
            ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
        """
        with guarded(self.path) as said:
            if self.kind == "dicom":
                scan = read_series(self.files)
            elif self.kind == "nifti":
                scan = read_nifti(self.path)
            else:
                scan = read_image(self.path)
        return replace(scan, warnings=(*self.warnings, *scan.warnings, *said))
