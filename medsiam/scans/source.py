"""One thing that can be read into one `Scan`, known by its headers only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from medsiam.scans.archive import Archive, on_disk
from medsiam.scans.decode import Request
from medsiam.scans.faults import ScanWarning
from medsiam.scans.scan import Scan
from medsiam.scans.sniff import Kind
from medsiam.scans.worker import ReadingWorker, read_in_worker


@dataclass(frozen=True)
class ScanSource:
    """Files that `read` turns into one scan.

    Attributes:
        kind: what the content is.
        path: the file, or the folder that holds all files of the series.
        files: every file, those of a series in the order of its slices.
        part: which volume, frame or page of the file, from 0; None where it holds one.
        series_uid: DICOM SeriesInstanceUID.
        modality: DICOM modality.
        body_part: DICOM BodyPartExamined.
        transfer_syntax: name of the DICOM transfer syntax.
        frames: pictures in the files, as the headers say.
        spatial_dims: 2 or 3 as the headers promise; None where they do not say.
        is_localizer: an overview picture on which a scan was planned.
        warnings: what is odd about how the source was found; `read` hands them on.
        archives: ZIP archives that hold files; `read` unpacks these for as long as it lasts.
    """

    kind: Kind
    path: Path
    files: tuple[Path, ...]
    part: int | None = None
    series_uid: str | None = None
    modality: str | None = None
    body_part: str | None = None
    transfer_syntax: str | None = None
    frames: int = 1
    spatial_dims: int | None = None
    is_localizer: bool = False
    warnings: tuple[ScanWarning, ...] = ()
    archives: tuple[Archive, ...] = field(default=(), repr=False)

    def read(self, *, allow_resample: bool = False, worker: ReadingWorker | None = None) -> Scan:
        """Read the pixels, in a process of their own: a file that ends it costs this read only.

        Args:
            allow_resample: fill gaps between slices by interpolation; the scan says so in its
                warnings.
            worker: that process, for whoever reads several at once or sets limits; None takes the
                one that all other reads share.

        Raises:
            ScanError: for every fault, with a code of `medsiam.scans.FAULTS`.
            MedsiamError: where that process cannot be started.
        """
        with on_disk(self.archives, self.path, self.files) as place:
            request = Request(self.kind, place.path, place.files, self.part, allow_resample)
            scan = read_in_worker(request) if worker is None else worker.read(request)
            sources = place.shown(scan.sources)
        return replace(scan, sources=sources, warnings=(*self.warnings, *scan.warnings))
