"""Files and folders that are written whole or not at all: temporary file, fsync, rename."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from medsiam.errors import OutputError


def write_atomically(path: Path | str, data: bytes | str, *, private: bool = False) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new, never a part.

    Folders above it are made; text is written as UTF-8.

    Args:
        path: of the file.
        data: all of it.
        private: only its owner may read it.

    Raises:
        OutputError: where the folder or the file cannot be written.
    """
    with atomic_file(path, private=private) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_file(path: Path | str, *, private: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing piece by piece; it takes its place when the block ends well.

    Args:
        path: as for `write_atomically`.
        private: likewise.

    Yields:
        a stream of bytes; where the block raises, nothing is left of it.

    Raises:
        OutputError: where the folder or the file cannot be written.
    """
    target = Path(path)
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o600 if private else 0o666 & ~_umask())  # noqa: PTH101 - a str
        os.replace(temporary, target)  # noqa: PTH105
        temporary = None
    except OSError as error:
        raise OutputError(
            f"cannot write {target}: {error.strerror or error}; nothing was changed"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    sync_folder(target.parent)


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a whole folder beside `target`, then rename it into place.

    Args:
        target: a folder that is there already is replaced, with all that is in it.
        files: path in the folder -> content.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    workshop = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        fresh = workshop / "new"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            with (fresh / name).open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        sync_folder(fresh)
        old = workshop / "old"
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except OSError:
            with suppress(OSError):
                old.rename(target)
            raise
        sync_folder(target.parent)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def check_writable(path: Path | str) -> None:
    """Refuse a file that could not be written, before anything long begins; leaves nothing behind.

    Args:
        path: the file; folders above it that are not there yet can be made later.

    Raises:
        OutputError: where it is a folder, or its folder cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder; name a file in it")
    above = next(folder for folder in target.absolute().parents if folder.exists())
    try:
        # Rights alone do not tell: a disk mounted for reading and a full one refuse their owner.
        with tempfile.TemporaryFile(dir=above) as stream:
            stream.write(b"?")
    except OSError as error:
        raise OutputError(f"cannot write {target}: {above}: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
