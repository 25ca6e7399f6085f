"""A name for each series that says nothing about whose it is, the same on every computer.

File and folder names are often patients' names, so whatever a run writes, prints or logs names a
series by a hash with the bank's own salt. The manifest alone says which files a name stands for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.errors import UsageError
from medsiam.scans import FolderIndex, ScanSource, SkippedFile


@dataclass(frozen=True)
class Named:
    """A series (or a scan that cannot be listed) of a folder.

    Attributes:
        name: 16 hexadecimal digits.
        place: among all of the folder, from 0, whatever share of it is scored.
        found: the series, or the file that is a scan and could not be listed.
    """

    name: str
    place: int
    found: ScanSource | SkippedFile

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of it."""
        return self.found.files if isinstance(self.found, ScanSource) else (self.found.path,)


@dataclass(frozen=True)
class Shard:
    """One of n shares of a folder, which several computers go through.

    Attributes:
        number: from 1.
        of: how many shares there are.

    Raises:
        UsageError: for a number that is not among them.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise UsageError(f"there is no shard {self}: choose 1/{self.of} to {self.of}/{self.of}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read "2/8".

        Raises:
            UsageError: for another form, or a number that is not among them.
        """
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal()):
            raise UsageError(f"{text!r} names no shard; write 2/8 for the second of eight")
        return cls(int(number), int(of))

    def holds(self, name: str) -> bool:
        """Whether a series of this name is in it; each is in exactly one."""
        return int(name, 16) % self.of == self.number - 1


def named_series(index: FolderIndex, bank: ReferenceBank) -> list[Named]:
    """Name all series of a folder, scans that could not be listed first.

    A name depends on where the first file lies below the folder, on the series' UID and on which
    part of the file it is: it is the same for a copy of the folder, and it stays when files are
    added elsewhere.
    """
    found = [skipped for skipped in index.skipped if not skipped.is_foreign] + [*index.sources]
    seen: Counter[str] = Counter()
    named = []
    for place, one in enumerate(found):
        identity = _identity(one, index.folder)
        seen[identity] += 1
        if seen[identity] > 1:  # one file, several series, and nothing to tell them apart
            identity = f"{identity}\n{seen[identity]}"
        named.append(Named(_hash("series", identity, bank), place, one))
    return named


def name_of_tree(named: Sequence[Named], index: FolderIndex, bank: ReferenceBank) -> str:
    """Name all that lies in a folder together: another name where a file comes or goes."""
    files = {below(index.folder, file) for one in named for file in one.files}
    files |= {below(index.folder, skipped.path) for skipped in index.skipped}
    return _hash("tree", "\n".join(sorted(files)), bank)


def n_files_of(series: Sequence[Named]) -> int:
    """How many files they are made of."""
    return len({file for one in series for file in one.files})


def name_of_file(path: Path, root: Path, bank: ReferenceBank) -> str:
    """Name a file that belongs to no series, to find its shard."""
    return _hash("file", below(root, path), bank)


def below(root: Path, path: Path) -> str:
    """The path as seen from the folder, in characters that print."""
    absolute, base = path.absolute(), root.absolute()
    shown = absolute.relative_to(base) if absolute.is_relative_to(base) else path
    return os.fsencode(shown).decode("utf-8", "backslashreplace")


def _hash(kind: str, identity: str, bank: ReferenceBank) -> str:
    # White space at the end of a file's name counts; at the end of a patient's it does not.
    return bank.hash_patient(f"{kind}\n{identity}\n.")


def _identity(found: ScanSource | SkippedFile, root: Path) -> str:
    if isinstance(found, SkippedFile):
        return _joined("unlisted", below(root, found.path))
    first = min(below(root, file) for file in found.files)
    return _joined(first, found.series_uid or "", "" if found.part is None else str(found.part))


def _joined(*parts: str) -> str:
    return "\n".join(parts)
