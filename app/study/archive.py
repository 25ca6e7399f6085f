"""Uploaded files and ZIP archives, laid out in a folder that is removed when it was read.

No name from outside is used as a path or kept: what arrives is numbered.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from medsiam.errors import OutputError, ScanError
from medsiam.scans import open_archive, unpack

_CHUNK = 1024**2
_ZIP = b"PK\x03\x04"
_ENDINGS = (".nii.gz", ".nii", ".dcm", ".png", ".jpg", ".jpeg", ".tif", ".tiff")

Upload = tuple[str, BinaryIO]  # name, as the browser says, and content


@dataclass(frozen=True)
class LaidOut:
    """Uploads on disk: their folder, and (code, reason) of what in archives is left out."""

    folder: Path
    refused: tuple[tuple[str, str], ...]


@contextmanager
def unpacked(uploads: Sequence[Upload]) -> Iterator[LaidOut]:
    """Lay the uploads out in a private folder for as long as the block lasts.

    Raises:
        ScanError: a ZIP archive is damaged, encrypted, or holds too much.
        OutputError: there is no room for them.
    """
    with tempfile.TemporaryDirectory(prefix="medsiam-upload-") as name:
        folder = Path(name)
        refused = []
        try:
            for number, (upload, content) in enumerate(uploads, start=1):
                refused += _lay_out(upload, content, folder / f"{number:05d}")
        except OSError as error:
            raise OutputError(f"the upload cannot be unpacked here: {error.strerror}") from error
        yield LaidOut(folder, tuple(refused))


def _lay_out(name: str, content: BinaryIO, target: Path) -> list[tuple[str, str]]:
    """Put one upload at `target`; of its name, which may be a patient's, a known ending stays."""
    content.seek(0)
    is_archive = content.read(len(_ZIP)) == _ZIP
    content.seek(0)
    if is_archive:
        target.mkdir()
        return _unzip(content, target)
    ending = next((end for end in _ENDINGS if name.lower().endswith(end)), "")
    with target.with_name(target.name + ending).open("xb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
    return []


def _unzip(content: BinaryIO, target: Path) -> list[tuple[str, str]]:
    refused = []
    archive = open_archive(content, Path("upload"))
    for shown, found in unpack(archive, content, target):
        if isinstance(found, ScanError):
            reason = str(found).removeprefix(f"{shown}: ")
            refused.append((found.code, reason))
    return refused
