"""ZIP archives as folders of scans.

No name from outside is used as a path: what is unpacked is numbered, and the names serve messages
only. What an archive says of its own size is not believed: what comes out of it is counted. What
was unpacked is gone as soon as it was looked at or read.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from medsiam.errors import ScanError
from medsiam.scans.faults import fault
from medsiam.scans.limits import MAX_RATIO
from medsiam.scans.zip_directory import MAX_ENTRIES as MAX_ENTRIES
from medsiam.scans.zip_directory import Entry, read_directory

ZIP_MAGIC = b"PK\x03\x04"
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
MAX_BYTES = 2 * 1024**3  # unpacked, all entries together
_FREE = 64 * 1024**2  # bytes that may come out of less than MAX_RATIO allows
_CHUNK = 1024**2
_STORED, _DEFLATED = 0, 8
_LONGEST_NAME, _LONGEST_PART = 1_000, 200
# Word processors, spreadsheets, programs: ZIP by form, and their pictures are no scans.
_DOCUMENTS = {"[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF"}


@dataclass(frozen=True)
class Archive:
    """A ZIP archive whose directory was read.

    Attributes:
        path: the archive.
        stamp: its size and time of change when it was looked at.
        entries: the files in it by the name that is shown, `archive.zip/folder/name`.
    """

    path: Path
    stamp: tuple[int, int]
    entries: dict[Path, Entry] = field(repr=False, compare=False)


def open_archive(file: BinaryIO, path: Path) -> Archive:
    """Return the archive in an open file.

    Args:
        file: the archive.
        path: its name for messages.

    Raises:
        ScanError: `damaged_archive`, `encrypted_archive`, `expands_too_much`, or `unknown_format`
            for a document that is a ZIP by form.
    """
    entries = read_directory(file, path)
    if any(entry.name in _DOCUMENTS for entry in entries):
        raise fault("unknown_format", path, "it looks like a document or program packed as ZIP")
    packed, promised = sum(e.packed for e in entries), sum(e.unpacked for e in entries)
    _check_total(promised, packed, path)
    return Archive(path, _stamp(file), _shown(entries, path))


def unpack(
    archive: Archive, file: BinaryIO, into: Path, only: Collection[Path] | None = None
) -> Iterator[tuple[Path, Path | ScanError]]:
    """Unpack entries one by one into numbered files, one numbered folder for each folder.

    Args:
        archive: whose entries.
        file: the archive, open.
        into: an existing folder.
        only: names of the entries that are wanted; None takes all.

    Yields:
        the name that is shown, and the unpacked file or why there is none (`damaged_archive`,
        `nested_archive`).

    Raises:
        ScanError: `expands_too_much`.
    """
    unpacked = 0
    # Of some entries alone the ratio means little: that of all was checked when all were unpacked.
    packed = 0 if only is None else sum(entry.packed for entry in archive.entries.values())
    folders: dict[Path, Path] = {}
    for number, shown in enumerate(sorted(archive.entries if only is None else only), start=1):
        entry = archive.entries[shown]
        target = into / f"{len(folders) + 1:05d}"
        folder = folders.setdefault(shown.parent, target)
        folder.mkdir(exist_ok=True)
        target = folder / f"{number:05d}"
        before = unpacked
        try:
            with target.open("xb") as to:
                for used, piece in _pieces(entry, file, shown):
                    unpacked += len(piece)
                    _check_total(unpacked, packed + used, archive.path)
                    if unpacked - before == len(piece) and piece.startswith(ZIP_MAGIC):
                        raise fault("nested_archive", shown, "an archive within an archive")
                    to.write(piece)
        except ScanError as error:
            target.unlink()
            if error.code == "expands_too_much":
                raise
            yield shown, error
        else:
            yield shown, target
        packed += entry.packed


@dataclass(frozen=True)
class OnDisk:
    """Where files lie that are to be read.

    Attributes:
        path, files: where they lie.
        names: where a file in an archive lies -> the name that is shown; for folders as well.
    """

    path: Path
    files: tuple[Path, ...]
    names: dict[Path, Path]

    def shown(self, files: Iterable[Path]) -> tuple[Path, ...]:
        """Return the names that are shown for files on disk."""
        return tuple(self.names.get(file, file) for file in files)


@contextmanager
def on_disk(archives: Sequence[Archive], path: Path, files: tuple[Path, ...]) -> Iterator[OnDisk]:
    """Unpack what lies in archives for as long as the block lasts.

    A `ScanError` raised in the block comes out with the names that are shown.

    Args:
        archives: that hold files; without any nothing happens.
        path: the file, or the folder of all files, as shown.
        files: as shown.

    Raises:
        ScanError: `damaged_archive`, `expands_too_much`.
    """
    if not archives:
        yield OnDisk(path, files, {})
        return
    with tempfile.TemporaryDirectory(prefix="medsiam-") as name:
        found: dict[Path, Path] = {}
        for number, archive in enumerate(archives):
            into = Path(name, str(number))
            into.mkdir()
            found |= _unpacked(archive, into, {file for file in files if file in archive.entries})
        names = {disk: shown for shown, disk in found.items()}
        names |= {disk.parent: shown.parent for disk, shown in names.items()}
        names[Path(name)] = path
        laid = tuple(found.get(file, file) for file in files)
        try:
            yield OnDisk(found.get(path, Path(name)), laid, names)
        except ScanError as error:
            raise ScanError(error.code, _renamed(str(error), Path(name), names)) from None


def _unpacked(archive: Archive, into: Path, only: Collection[Path]) -> dict[Path, Path]:
    found = {}
    with no_room_is_a_fault(archive.path), archive.path.open("rb") as file:
        if _stamp(file) != archive.stamp:
            what = "it has changed since it was looked through"
            raise fault("damaged_archive", archive.path, what)
        for shown, target in unpack(archive, file, into, only):
            if isinstance(target, ScanError):
                raise target
            found[shown] = target
    return found


@contextmanager
def no_room_is_a_fault(path: Path) -> Iterator[None]:
    """Say `expands_too_much` where the disk is full.

    Raises:
        ScanError: `expands_too_much`, `missing_file` where the archive is gone.
    """
    try:
        yield
    except FileNotFoundError:
        raise fault("missing_file", path, "no such file") from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        what = f"{tempfile.gettempdir()} has no room to unpack it"
        raise fault("expands_too_much", path, what) from None


def _pieces(entry: Entry, file: BinaryIO, shown: Path) -> Iterator[tuple[int, bytes]]:
    """Yield how many packed bytes were used so far, and what came out of them."""
    if entry.method not in (_STORED, _DEFLATED):
        raise fault("damaged_archive", shown, f"packed by method {entry.method}, which is not read")
    file.seek(entry.offset)
    head = file.read(30)
    if head[:4] != ZIP_MAGIC or len(head) < 30:
        raise fault("damaged_archive", shown, "it is not where the archive says")
    file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
    crc, left, waiting, ended = 0, entry.packed, b"", False
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    while not ended:
        if not waiting:
            waiting = file.read(min(left, _CHUNK))
            if left and not waiting:
                raise fault("damaged_archive", shown, "the archive ends early")
            left -= len(waiting)
        piece, waiting = waiting, b""
        if entry.method == _DEFLATED:
            try:
                piece = inflate.decompress(piece, _CHUNK)
            except zlib.error:
                raise fault("damaged_archive", shown, "it cannot be unpacked") from None
            waiting = inflate.unconsumed_tail
        ended = inflate.eof or (not left and not waiting and len(piece) < _CHUNK)
        crc = zlib.crc32(piece, crc)
        yield entry.packed - left - len(waiting), piece
    if crc != entry.crc or (entry.method == _DEFLATED and not inflate.eof):
        raise fault("damaged_archive", shown, "what comes out is not what was packed")


def _check_total(unpacked: int, packed: int, path: Path) -> None:
    if unpacked > MAX_BYTES:
        what = f"it unpacks to more than {MAX_BYTES / 1024**3:.3g} GiB"
        raise fault("expands_too_much", path, what)
    if unpacked > _FREE + MAX_RATIO * packed:
        what = f"it unpacks to more than {MAX_RATIO} times its size"
        raise fault("expands_too_much", path, what)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    try:
        status = os.fstat(file.fileno())
    except OSError:  # not on disk: an upload
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _shown(entries: Sequence[Entry], path: Path) -> dict[Path, Entry]:
    """Return the entries by clean names below the archive's, each name once."""
    named: dict[Path, Entry] = {}
    copies: Counter[Path] = Counter()
    for entry in entries:
        name = path.joinpath(*_clean(entry.name))
        copies[name] += 1
        while name in named:
            name = name.with_name(f"{name.name} ({copies[name]})")
            copies[name] += 1
        named[name] = entry
    return named


def _clean(name: str) -> list[str]:
    """Return the parts of a name without `..` and without characters that do not print."""
    text = "".join(letter if letter.isprintable() else "_" for letter in name[-_LONGEST_NAME:])
    parts = [part[-_LONGEST_PART:] for part in re.split(r"[/\\]+", text)]
    return [part for part in parts if part not in ("", ".", "..")] or ["unnamed"]


def _renamed(text: str, root: Path, names: dict[Path, Path]) -> str:
    """Put the names that are shown where a text names files on disk."""
    places = rf"{re.escape(str(root))}(?:/\d+)*"
    return re.sub(places, lambda found: str(names.get(Path(found[0]), names[root])), text)
