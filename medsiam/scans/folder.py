"""Every file below a folder: part of one scan, or skipped for a reason. Headers only, no pixels."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from medsiam.errors import ScanError
from medsiam.scans.archive import Archive, no_room_is_a_fault, open_archive, unpack
from medsiam.scans.dicom.header import Header, read_header
from medsiam.scans.faults import fault, is_foreign, warning
from medsiam.scans.grouping import series_sources
from medsiam.scans.guard import guarded, quiet
from medsiam.scans.nifti import nifti_facts
from medsiam.scans.sniff import opened, sniff
from medsiam.scans.source import ScanSource


@dataclass(frozen=True)
class SkippedFile:
    """A file that is part of no scan.

    Attributes:
        path: the file, or a folder that cannot be opened; `archive.zip/inner/name` in an archive.
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
        folder: the folder or ZIP archive, or the folder of the one file that was asked for.
        sources: what can be read, in the order of their first files; volumes of one series in
            their own order.
        skipped: all other files, in order.
    """

    folder: Path
    sources: tuple[ScanSource, ...]
    skipped: tuple[SkippedFile, ...]


def index_folder(folder: Path | str) -> FolderIndex:
    """Look at every file below a folder, at any depth, and group DICOM files by series.

    Symbolic links are followed, each folder is entered once. A ZIP archive is looked into as if it
    were a folder, but archives within it are not. A single file is an index of one.

    Raises:
        ScanError: `missing_file` or `no_access`; never for what lies in the folder.
    """
    top = Path(folder)
    with guarded(top):
        top.stat()
    with quiet(), Found() as found:  # once for all files: entering it for each costs more
        for path in files_below(top) if top.is_dir() else [top]:
            found.look_at(path)
        sources = found.all_sources()
    home = top if top.is_dir() or top in found.archives else top.parent
    skipped = sorted(found.skipped, key=lambda skipped: skipped.path)
    return FolderIndex(home, tuple(sources), tuple(skipped))


@dataclass(frozen=True)
class FileFacts:
    """What one file on the disk turned out to be; of an archive, all that is in it.

    Attributes:
        headers: of DICOM images.
        sources: what is a scan by itself.
        skipped: what is none.
        archive: where it is one.
        needs_archive: some of the headers are of files that grouping looks at once more, and that
            were unpacked for as long as the `Found` is open that looked at them.
    """

    headers: tuple[Header, ...] = ()
    sources: tuple[ScanSource, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    archive: Archive | None = None
    needs_archive: bool = False


class Found:
    """What was found so far, in a `with` block that removes what was unpacked."""

    def __init__(self) -> None:
        self.archives: dict[Path, Archive] = {}
        self.skipped: list[SkippedFile] = []
        self._headers: list[Header] = []
        self._sources: list[ScanSource] = []
        self._archive_of: dict[Path, Archive] = {}
        self._names: dict[Path, Path] = {}  # of unpacked files that grouping looks at once more
        self._unpacked = ExitStack()

    def __enter__(self) -> Found:
        return self

    def __exit__(self, *error: object) -> None:
        self._unpacked.close()

    def look_at(self, disk: Path, shown: Path | None = None) -> None:
        """Look at one file; `shown` is its name where it was unpacked from an archive."""
        path = shown or disk
        try:
            with guarded(path), opened(disk) as file:
                kind = sniff(file, path)
                if kind == "archive":
                    self._look_into(file, path, is_nested=shown is not None)
                elif kind == "dicom":
                    self._add_header(read_header(path, file), disk)
                elif kind == "nifti":
                    self._sources.extend(_volumes(file, path))
                else:
                    self._sources.append(ScanSource("image", path, (path,), spatial_dims=2))
        except ScanError as error:
            self._skip(path, error)

    def facts_of(self, path: Path) -> FileFacts:
        """Look at one file, and return what it alone is."""
        n_headers, n_sources = len(self._headers), len(self._sources)
        n_skipped, n_names = len(self.skipped), len(self._names)
        self.look_at(path)
        return FileFacts(
            tuple(self._headers[n_headers:]),
            tuple(self.named(source) for source in self._sources[n_sources:]),
            tuple(self.skipped[n_skipped:]),
            self.archives.get(path),
            len(self._names) > n_names,
        )

    def remember(self, archive: Archive) -> None:
        """Know an archive that was looked at earlier."""
        self._archive_of |= dict.fromkeys(archive.entries, archive)

    def all_sources(self) -> list[ScanSource]:
        """Return everything that can be read, in order."""
        sources = [*self._sources, *series_sources(self._headers)]
        return in_order([self.named(source) for source in sources])

    def _add_header(self, header: Header, disk: Path) -> None:
        if header.path != disk and header.frames > 1:
            self._names[disk] = header.path
            header = replace(header, path=disk)
        self._headers.append(header)

    def _look_into(self, file: BinaryIO, path: Path, *, is_nested: bool) -> None:
        """Look at each file of an archive; most are gone from the disk before the next."""
        if is_nested:
            raise fault("nested_archive", path, "an archive within an archive")
        archive = open_archive(file, path)
        before = len(self.skipped), len(self._headers), len(self._sources)
        folder = tempfile.TemporaryDirectory(prefix="medsiam-")
        self._unpacked.enter_context(folder)
        try:
            with no_room_is_a_fault(path):
                for shown, target in unpack(archive, file, Path(folder.name)):
                    if isinstance(target, ScanError):
                        self._skip(shown, target)
                        continue
                    self.look_at(target, shown)
                    if target not in self._names:
                        target.unlink()
        except ScanError:  # nothing of an archive that expands too much is trusted
            del self.skipped[before[0] :], self._headers[before[1] :], self._sources[before[2] :]
            raise
        self.archives[path] = archive
        self.remember(archive)

    def _skip(self, path: Path, error: ScanError) -> None:
        self.skipped.append(SkippedFile(path, error.code, str(error).removeprefix(f"{path}: ")))

    def named(self, source: ScanSource) -> ScanSource:
        """Return a source with the archives of its files, and these as they are shown."""
        files = tuple(self._names.get(file, file) for file in source.files)
        archives = {
            archive.path: archive
            for file in files
            if (archive := self._archive_of.get(file)) is not None
        }
        if not archives:
            return source
        path = self._names.get(source.path, source.path)
        return replace(source, path=path, files=files, archives=tuple(archives.values()))


def in_order(sources: Sequence[ScanSource]) -> list[ScanSource]:
    """Sort by first files, but leave the volumes of a folder's series together and as they are."""
    first: dict[object, Path] = {}
    for source in sources:
        key = _series_in_folder(source)
        first[key] = min(*source.files, first.get(key, source.files[0]))
    return sorted(sources, key=lambda source: first[_series_in_folder(source)])


def _series_in_folder(source: ScanSource) -> object:
    file = source.files[0]
    return (source.series_uid, file.parent) if source.series_uid else file


def _volumes(file: BinaryIO, path: Path) -> Iterator[ScanSource]:
    """Yield one source for each volume of a NIfTI file."""
    facts = nifti_facts(file, path)
    source = ScanSource("nifti", path, (path,), spatial_dims=facts.spatial_dims)
    if facts.volumes == 1:
        yield source
        return
    name = "time point" if facts.over_time else "volume"
    for part in range(facts.volumes):
        said = warning("one_of_several", f"{name} {part + 1} of {facts.volumes}")
        yield replace(source, part=part, warnings=(said,))


def files_below(top: Path) -> Iterator[Path]:
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
            with os.scandir(folder) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError:
            yield folder  # opening it as a file will say why it cannot be read
            continue
        below = []
        for entry in entries:
            if not _is_folder(entry):
                yield folder / entry.name
            elif entry.is_symlink():
                linked.append(folder / entry.name)
            else:
                below.append(folder / entry.name)
        waiting.extend(reversed(below))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Ask the listing, not the disk; only a link has to be followed."""
    try:
        return entry.is_dir()
    except OSError:
        return False
