"""READ: files from outside -> `Scan`. The only door for DICOM, NIfTI and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.scans.archive import open_archive as open_archive
    from medsiam.scans.archive import unpack as unpack
    from medsiam.scans.dicom.study import Instance as Instance
    from medsiam.scans.dicom.study import StudyFacts as StudyFacts
    from medsiam.scans.dicom.study import read_study as read_study
    from medsiam.scans.faults import FAULTS as FAULTS
    from medsiam.scans.faults import WARNINGS as WARNINGS
    from medsiam.scans.faults import ScanWarning as ScanWarning
    from medsiam.scans.faults import is_foreign as is_foreign
    from medsiam.scans.folder import FolderIndex as FolderIndex
    from medsiam.scans.folder import SkippedFile as SkippedFile
    from medsiam.scans.folder import index_folder as index_folder
    from medsiam.scans.growing import GrowingFolder as GrowingFolder
    from medsiam.scans.growing import Look as Look
    from medsiam.scans.middle import read_middle as read_middle
    from medsiam.scans.read import read_scan as read_scan
    from medsiam.scans.scan import Scan as Scan
    from medsiam.scans.source import ScanSource as ScanSource
    from medsiam.scans.worker import ReadingWorker as ReadingWorker

_HOMES = {
    "FAULTS": ".faults",
    "WARNINGS": ".faults",
    "FolderIndex": ".folder",
    "GrowingFolder": ".growing",
    "ReadingWorker": ".worker",
    "Instance": ".dicom.study",
    "Look": ".growing",
    "Scan": ".scan",
    "ScanSource": ".source",
    "ScanWarning": ".faults",
    "SkippedFile": ".folder",
    "StudyFacts": ".dicom.study",
    "index_folder": ".folder",
    "is_foreign": ".faults",
    "read_middle": ".middle",
    "open_archive": ".archive",
    "read_scan": ".read",
    "read_study": ".dicom.study",
    "unpack": ".archive",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
