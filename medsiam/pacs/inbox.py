"""Where received objects lie: one folder per series, every name a hash, nothing half-written seen.

received/<hash of study and series UID>/<hash of SOP instance UID>.dcm
received/.part/        what is being received
conflicts/<series>/    objects that came with the UID of another one and other content
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from medsiam.scans import Instance
from medsiam.writing import sync_folder

Stored = Literal["new", "again", "conflict"]

_DIGITS = 32  # hexadecimal: 128 bits
_ATTEMPTS = 3


@dataclass(frozen=True)
class SeriesFolder:
    """One series that was received.

    Attributes:
        key: its folder's name.
        path: of the folder.
        changed: when the last file came, in nanoseconds since 1970 by the disk's clock.
    """

    key: str
    path: Path
    changed: int

    def names(self) -> tuple[str, ...]:
        """Its files, sorted."""
        return tuple(sorted(path.name for path in self.path.iterdir()))


def content_of(names: Sequence[str]) -> str:
    """A hash of what a series holds: names are made of UIDs, and a file never changes."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:_DIGITS]


class Inbox:
    """The received objects below one folder.

    Args:
        folder: of the listener's output; `received` and `conflicts` are made in it.
    """

    def __init__(self, folder: Path) -> None:
        self.received = folder / "received"
        self.conflicts = folder / "conflicts"
        self.part = self.received / ".part"

    def prepare(self) -> None:
        """Make the folders, and drop what an earlier receiver left unfinished."""
        shutil.rmtree(self.part, ignore_errors=True)
        self.part.mkdir(parents=True)

    def keep(self, path: Path, instance: Instance) -> Stored:
        """Move a whole file to its place, so that it survives a power cut.

        The same object again changes nothing. Another one under the same UID goes to `conflicts`.

        Args:
            path: the file, on the same disk as the inbox.
            instance: what its header says.

        Raises:
            OSError: where the disk refuses.
        """
        key = _hash(f"{instance.study_uid}|{instance.series_uid}")
        target = self.received / key / f"{_hash(instance.uid)}.dcm"
        with path.open("rb") as file:
            os.fsync(file.fileno())
        if _placed(path, target):
            return "new"
        if filecmp.cmp(path, target, shallow=False):
            path.unlink()
            return "again"
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
        if not _placed(path, self.conflicts / key / f"{target.stem}-{content}.dcm"):
            path.unlink()
        return "conflict"

    def series(self) -> Iterator[SeriesFolder]:
        """Yield every series that was received, without a look into it."""
        for folder in sorted(self.received.iterdir()):
            if not folder.name.startswith("."):
                yield SeriesFolder(folder.name, folder, folder.stat().st_mtime_ns)

    def drop(self, series: SeriesFolder) -> None:
        """Remove a series; one object that comes meanwhile begins it anew."""
        doomed = Path(tempfile.mkdtemp(dir=self.part)) / series.key
        series.path.rename(doomed)
        shutil.rmtree(doomed.parent)


def _placed(path: Path, target: Path) -> bool:
    """Give the file its name, unless that is taken. A link cannot overwrite; a rename would."""
    for attempt in range(_ATTEMPTS):
        is_new = not target.parent.is_dir()
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except FileExistsError:
            return False
        except FileNotFoundError:  # the folder was dropped just now
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        except OSError:
            with contextlib.suppress(OSError):  # it holds other objects
                target.parent.rmdir()
            raise
        path.unlink()
        sync_folder(target.parent)
        if is_new:
            sync_folder(target.parent.parent)
        return True
    return False


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
