"""The volumes that open pages show, under names that say nothing; compressed once, when asked."""

from __future__ import annotations

import gzip
import secrets
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

CEILING = 256 << 20  # bytes of compressed volumes; the one not asked for longest goes first
_LEVEL = 1  # the way is short: a higher level would cost more time than it saves


@dataclass(frozen=True)
class Lent:
    """Something to show: what it is known by, and how its bytes are made."""

    source: Any
    encode: Callable[[], bytes]


@dataclass
class _Entry:
    encode: Callable[[], bytes]
    turn: threading.Lock = field(default_factory=threading.Lock)


class VolumeShelf:
    """Gives volumes names, and their bytes to those who know one.

    A source has one name for as long as it lives. Its bytes are here for as long as somebody
    shows it, within the ceiling.
    """

    def __init__(self, ceiling: int = CEILING) -> None:
        self._ceiling = ceiling
        self._lock = threading.Lock()
        self._names: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._entries: dict[str, _Entry] = {}
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._held: dict[str, frozenset[str]] = {}

    def lend(self, holder: str, shown: Sequence[Lent]) -> list[str]:
        """Take what a holder shows from now on, in place of what it showed before.

        Returns:
            the name of each.
        """
        with self._lock:
            names = [self._name(one.source) for one in shown]
            for name, one in zip(names, shown, strict=True):
                self._entries.setdefault(name, _Entry(one.encode))
            self._held[holder] = frozenset(names)
            self._forget()
        return names

    def release(self, holder: str) -> None:
        """Forget what nobody else shows."""
        with self._lock:
            self._held.pop(holder, None)
            self._forget()

    def body(self, name: str) -> bytes | None:
        """Return the name's 16 bytes and the voxels, gzipped; None where nobody shows it."""
        with self._lock:
            entry = self._entries.get(name)
        if entry is None:
            return None
        with entry.turn:  # whoever comes second waits for the first one's bytes
            with self._lock:
                if name in self._bodies:
                    self._bodies.move_to_end(name)
                    return self._bodies[name]
            content = bytes.fromhex(name) + entry.encode()
            body = gzip.compress(content, compresslevel=_LEVEL, mtime=0)
            with self._lock:
                if self._entries.get(name) is entry:
                    self._keep(name, body)
        return body

    def _keep(self, name: str, body: bytes) -> None:
        self._bodies[name] = body
        while len(self._bodies) > 1 and sum(map(len, self._bodies.values())) > self._ceiling:
            self._bodies.popitem(last=False)

    def _name(self, source: Any) -> str:
        known = self._names.get(id(source))
        if known is not None and known[0]() is source:
            return known[1]
        name = secrets.token_hex(16)
        self._names = {key: one for key, one in self._names.items() if one[0]() is not None}
        self._names[id(source)] = (weakref.ref(source), name)
        return name

    def _forget(self) -> None:
        wanted = frozenset[str]().union(*self._held.values())
        for name in self._entries.keys() - wanted:
            del self._entries[name]
            self._bodies.pop(name, None)


@cache
def the_shelf() -> VolumeShelf:
    """Return the one of this process: the pages fill it, and the route serves from it."""
    return VolumeShelf()
