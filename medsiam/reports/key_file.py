"""The file that holds the key of pseudonyms: who has it can tell whose they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from medsiam.errors import UsageError
from medsiam.reports.pseudonyms import LEAST_KEY

_MOST = 1 << 16  # bytes; whatever is larger was meant to be another file
_MAKE = "`umask 077; head -c 32 /dev/urandom > KEYFILE` makes one"


def read_key(path: Path | str, *, outside: Iterable[Path | str] = ()) -> bytes:
    """Return the key: the bytes of the file as they are.

    Args:
        path: of the file.
        outside: folders that it may not lie in, because they are passed on or read as data.

    Raises:
        UsageError: no such file, too short a key, one that others may read or change, or that lies
            in such a folder. The message never holds the key.
    """
    file = Path(path)
    for folder in map(Path, outside):
        lies_in = (way(file).is_relative_to(way(folder)) for way in (Path.resolve, Path.absolute))
        if any(lies_in):
            raise UsageError(f"{file}: the key may not lie in {folder}; keep it elsewhere")
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{file}: the key cannot be read: {error.strerror}; {_MAKE}") from error
    try:
        found = os.fstat(handle)
        is_small = stat.S_ISREG(found.st_mode) and found.st_size <= _MOST
        key = os.read(handle, _MOST) if is_small else b""
    finally:
        os.close(handle)
    if not is_small:
        raise UsageError(f"{file}: no key: not a small file; {_MAKE}")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"{file}: others may read this key or change it; `chmod 600` it, and make another one "
            "if they have"
        )
    if len(key) < LEAST_KEY:
        raise UsageError(
            f"{file}: a key has at least {LEAST_KEY} bytes, this one has {len(key)}; {_MAKE}"
        )
    return key
