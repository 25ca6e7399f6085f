"""Every file below a folder: part of one scan, or skipped for a reason. Headers only, no pixels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medsiam.errors import ScanError
from medsiam.scans.dicom.header import Header, read_header
from medsiam.scans.faults import fault, is_foreign
from medsiam.scans.grouping import series_sources
from medsiam.scans.guard import guarded
from medsiam.scans.nifti import nifti_dims
from medsiam.scans.sniff import sniff
from medsiam.scans.source import ScanSource


@dataclass(frozen=True)
class SkippedFile:
    """A file that is part of no scan.

    Attributes:
        path: the file, or a folder that cannot be opened.
        code: key of `medsiam.scans.FAULTS`.
        reason: what was seen and what to do.
    """

    path: Path
    code: str
    reason: str

    @property
    def is_foreign(self) -> bool:
        """True where the file is no scan at all, False where a scan cannot be read."""
        return is_foreign(self.code)


@dataclass(frozen=True)
class FolderIndex:
    """What lies below a folder.

    Attributes:
        folder: the folder, or the folder of the one file that was asked for.
        sources: what can be read, in the order of their first files.
        skipped: all other files, in order.
    """

    folder: Path
    sources: tuple[ScanSource, ...]
    skipped: tuple[SkippedFile, ...]


def index_folder(folder: Path | str) -> FolderIndex:
    """Look at every file below a folder, at any depth, and group DICOM files by series.

    Symbolic links are followed, each folder is entered once. A single file is an index of one.

    Raises:
        ScanError: `missing_file` where there is no such folder; never for what lies in it.
    """
    top = Path(folder)
    if not top.exists():
        raise fault("missing_file", top, "no such file or folder")
    headers: list[Header] = []
    sources: list[ScanSource] = []
    skipped: list[SkippedFile] = []
    for path in _files_below(top) if top.is_dir() else [top]:
        try:
            with guarded(path):
                found = _look(path)
        except ScanError as error:
            reason = str(error).removeprefix(f"{path}: ")
            skipped.append(SkippedFile(path, error.code, reason))
            continue
        if isinstance(found, Header):
            headers.append(found)
        else:
            sources.append(found)
    sources.extend(series_sources(headers))
    sources.sort(key=lambda source: source.files[0])
    home = top if top.is_dir() else top.parent
    return FolderIndex(home, tuple(sources), tuple(sorted(skipped, key=lambda s: s.path)))


def _files_below(top: Path) -> Iterator[Path]:
    """Yield every file in sorted order, own folders before linked ones, no folder twice."""
    seen: set[tuple[int, int]] = set()
    waiting, linked = [top], list[Path]()
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop(0)
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield folder  # opening it as a file will say why it cannot be read
            continue
        below = []
        for entry in entries:
            path = folder / entry.name
            if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises without permission
                yield path
            elif entry.is_symlink():
                linked.append(path)
            else:
                below.append(path)
        waiting.extend(reversed(below))


def _look(path: Path) -> Header | ScanSource:
    kind = sniff(path)
    if kind == "dicom":
        return read_header(path)
    dims = nifti_dims(path) if kind == "nifti" else 2
    return ScanSource(kind, path, (path,), spatial_dims=dims)
