"""What a file or folder written for a test holds, and what reading it must answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medsiam.scans import Scan, read_scan

Build = Callable[[Path], Path]


@dataclass(frozen=True)
class Fixture:
    """Something wrong or odd.

    Attributes:
        code: the fault or warning.
        name: what is wrong or odd, unique.
        build: writes below an empty folder and returns the path to read.
        read: how it is asked for.
        also: further warnings that this must give.
    """

    code: str
    name: str
    build: Build
    read: Callable[[Path], Scan] = read_scan
    also: frozenset[str] = frozenset()


class Fixtures(list[Fixture]):
    """Fixtures in the order in which they were added."""

    def add(self, code: str, name: str, **how: Any) -> Callable[[Build], Build]:
        """Add the fixture that the decorated function builds."""

        def keep(build: Build) -> Build:
            self.append(Fixture(code, name, build, **how))
            return build

        return keep
