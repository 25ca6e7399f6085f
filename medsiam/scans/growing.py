"""A folder that is looked at again and again: no file is opened twice that did not change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medsiam.scans.dicom.header import Header
from medsiam.scans.folder import (
    FileFacts,
    FolderIndex,
    Found,
    SkippedFile,
    files_below,
    in_order,
)
from medsiam.scans.grouping import series_sources
from medsiam.scans.guard import guarded, quiet
from medsiam.scans.source import ScanSource

Stamp = tuple[int, int, int]
SeriesStamp = tuple[tuple[Path, Stamp | None], ...]
_Group = object  # a SeriesInstanceUID, or the path of a file without one


@dataclass(frozen=True)
class Look:
    """A folder as it was at one moment.

    Attributes:
        index: what `index_folder` would have said.
        stamps: size and times of change of each file on the disk, as they were when it was opened.
    """

    index: FolderIndex
    stamps: Mapping[Path, Stamp]

    def stamp_of(self, found: ScanSource | SkippedFile) -> SeriesStamp:
        """What changes where one of its files does, or where one comes or goes."""
        return tuple((file, self.stamps.get(file)) for file in _on_disk(found))

    def is_still(self, found: ScanSource | SkippedFile) -> bool:
        """Whether all its files are what they were then; asks the disk."""
        known = ((file, self.stamps.get(file)) for file in _on_disk(found))
        return all(stamp is None or stamp == _stamp(file) for file, stamp in known)


class GrowingFolder:
    """Finds out what is new in a folder, by listing it: network drives tell of no changes.

    A file counts as changed where its size or a time of change does. It is opened then, and the
    series that it belongs to is put together anew; everything else is remembered.

    Args:
        folder: an existing one.
    """

    def __init__(self, folder: Path | str) -> None:
        self._top = Path(folder)
        self._stamps: dict[Path, Stamp] = {}
        self._facts: dict[Path, FileFacts] = {}
        self._series: dict[_Group, tuple[ScanSource, ...]] = {}
        self._last: Look | None = None

    def look(self) -> Look:
        """List the folder; where nothing changed, the very object of the last look comes back.

        Raises:
            ScanError: `missing_file` or `no_access`, for the folder itself; the next look goes on.
        """
        with guarded(self._top):
            self._top.stat()
        stamps = {path: _stamp(path) for path in files_below(self._top)}
        changed = [path for path, stamp in stamps.items() if self._stamps.get(path) != stamp]
        if self._last is not None and not changed and len(stamps) == len(self._stamps):
            return self._last
        self._update(stamps, changed)
        index = FolderIndex(self._top, tuple(self._sources()), tuple(self._skipped()))
        self._last = Look(index, stamps)
        return self._last

    def _update(self, stamps: dict[Path, Stamp], changed: list[Path]) -> None:
        gone = [path for path in self._facts if path not in stamps]
        before = [self._facts.pop(path) for path in (*gone, *changed) if path in self._facts]
        with quiet(), Found() as found:
            for path in changed:
                self._facts[path] = found.facts_of(path)
            touched = _groups([*before, *(self._facts[path] for path in changed)])
            # What grouping looks at once more was unpacked, and is gone since.
            for path, facts in self._facts.items():
                if facts.needs_archive and path not in changed and touched & _groups([facts]):
                    self._facts[path] = found.facts_of(path)
            for facts in self._facts.values():
                if facts.archive is not None:
                    found.remember(facts.archive)
            self._facts = {
                path: self._facts[path] for path in stamps
            }  # in the order of the listing
            self._group(touched | _groups(self._facts[path] for path in changed), found)
        self._stamps = stamps

    def _group(self, touched: set[_Group], found: Found) -> None:
        members: dict[_Group, list[Header]] = defaultdict(list)
        for facts in self._facts.values():
            for header in facts.headers:
                if _group_of(header) in touched:
                    members[_group_of(header)].append(header)
        for group in touched:
            self._series.pop(group, None)
            if group in members:
                sources = series_sources(members[group])
                self._series[group] = tuple(found.named(source) for source in sources)

    def _sources(self) -> list[ScanSource]:
        alone = (source for facts in self._facts.values() for source in facts.sources)
        grouped = (source for sources in self._series.values() for source in sources)
        return in_order([*alone, *grouped])

    def _skipped(self) -> list[SkippedFile]:
        skipped = (one for facts in self._facts.values() for one in facts.skipped)
        return sorted(skipped, key=lambda one: one.path)


def _groups(facts: Iterable[FileFacts]) -> set[_Group]:
    return {_group_of(header) for one in facts for header in one.headers}


def _group_of(header: Header) -> _Group:
    """Files of different series never make one scan; see `siblings`."""
    return header.series_uid or header.path


def _on_disk(found: ScanSource | SkippedFile) -> tuple[Path, ...]:
    """Its files; of what lies in archives these as well, which alone have a stamp."""
    if isinstance(found, SkippedFile):
        return (found.path,)
    return (*(archive.path for archive in found.archives), *found.files)


def _stamp(path: Path) -> Stamp:
    """(-1, -1, -1) where nobody knows: to open it will say why.

    The time of the last change of any kind tells of a file that was replaced by one of the same
    size under the same time of writing, and of rights that were given.
    """
    try:
        status = path.stat()
    except OSError:
        return -1, -1, -1
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
