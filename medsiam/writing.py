"""Files that are written whole or not at all: temporary file, fsync, rename."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from medsiam.errors import OutputError


def write_atomically(path: Path | str, data: bytes | str) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new, never a part.

    Folders above it are made; text is written as UTF-8.

    Raises:
        OutputError: where the folder or the file cannot be written.
    """
    target = Path(path)
    content = data.encode() if isinstance(data, str) else data
    temporary: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101 - the name is a str
        os.replace(temporary, target)  # noqa: PTH105
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(
            f"cannot write {target}: {error.strerror}; nothing was changed"
        ) from error
    sync_folder(target.parent)


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
