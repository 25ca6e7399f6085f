"""What became of one series: a comparison, a failure with a code, or a skip with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from medsiam.comparison.result import Comparison


@dataclass(frozen=True)
class Failure:
    """A series that should have been compared and could not be.

    Attributes:
        source: the file, or the folder of the series.
        files: every file of the series.
        code: stable word for the kind of fault (see `ScanError.code`).
        message: what happened and what to do.
    """

    source: Path
    files: tuple[Path, ...] = field(repr=False)
    code: str
    message: str


@dataclass(frozen=True)
class Skip:
    """A series that this bank cannot be asked about; nothing is wrong with it."""

    source: Path
    files: tuple[Path, ...] = field(repr=False)
    code: str
    reason: str


Outcome = Comparison | Failure | Skip
