"""Uploaded files and ZIP archives, laid out in a folder that is removed when it was read.

No name from outside is used as a path: what arrives is numbered. What an archive says of its own
size is not believed: what comes out of it is counted.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from medsiam.errors import OutputError, ScanError

MAX_FILES = 5_000
MAX_BYTES = 2 * 1024**3
MAX_RATIO = 200  # unpacked to packed; pictures and volumes stay far below
_CHUNK = 1024**2
_ZIP = b"PK\x03\x04"
_ENDINGS = (".nii.gz", ".nii", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")

Upload = tuple[str, BinaryIO]  # name, as the browser says, and content


@contextmanager
def unpacked(uploads: Sequence[Upload]) -> Iterator[Path]:
    """Lay the uploads out in a private folder for as long as the block lasts.

    Raises:
        ScanError: a ZIP archive is damaged, encrypted, or holds too much.
        OutputError: there is no room for them.
    """
    with tempfile.TemporaryDirectory(prefix="medsiam-upload-") as name:
        folder = _NumberedFiles(Path(name))
        try:
            for upload in uploads:
                _lay_out(*upload, folder)
        except OSError as error:
            raise OutputError(f"the upload cannot be unpacked here: {error.strerror}") from error
        yield folder.path


class _NumberedFiles:
    """A folder that gives out new files; of a name, which may be a patient's, the ending stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.room = MAX_BYTES
        self._numbers = itertools.count(1)

    def new(self, name: str) -> Path:
        ending = next((end for end in _ENDINGS if name.lower().endswith(end)), "")
        return self.path / f"{next(self._numbers):05d}{ending}"


def _lay_out(name: str, content: BinaryIO, folder: _NumberedFiles) -> None:
    content.seek(0)
    is_archive = content.read(len(_ZIP)) == _ZIP
    content.seek(0)
    if is_archive:
        _unzip(content, folder)
        return
    with folder.new(name).open("xb") as target:
        shutil.copyfileobj(content, target, _CHUNK)


def _unzip(content: BinaryIO, folder: _NumberedFiles) -> None:
    try:
        with zipfile.ZipFile(content) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_FILES:
                raise ScanError(
                    "too_many_files",
                    f"the ZIP holds {len(entries)} files; at most {MAX_FILES} are unpacked. "
                    "Upload one study at a time",
                )
            for entry in entries:
                _unzip_entry(archive, entry, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ScanError(
            "damaged_archive",
            "the ZIP is damaged or of a kind that cannot be unpacked; pack it anew",
        ) from error
    except RuntimeError as error:  # what zipfile raises for a missing password
        raise ScanError(
            "encrypted_archive", "the ZIP is encrypted; upload it without a password"
        ) from error


def _unzip_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: _NumberedFiles) -> None:
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise NotImplementedError("only plain and deflated entries are unpacked")
    limit = min(folder.room, max(entry.compress_size, _CHUNK) * MAX_RATIO)
    written = 0
    with archive.open(entry) as source, folder.new(entry.filename).open("xb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise ScanError(
                    "archive_too_large",
                    f"the ZIP unpacks to more than {MAX_BYTES // 1024**3} GiB, or to more than "
                    f"{MAX_RATIO} times its size; upload one study at a time",
                )
            target.write(chunk)
    folder.room -= written
