"""What is written for each compared series beside its rows: a page, or something like it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from medsiam.bank import ReferenceBank
from medsiam.comparison.result import Comparison
from medsiam.reports import write_page
from medsiam.scans import Scan
from medsiam.scoring.series_name import Named

REPORTS = "reports"


class Extra(Protocol):
    """Something that a run writes for each series that it compares, before the outcome is kept.

    So an outcome that is kept has its extras, whatever ended the run.
    """

    def is_there(self, series: Named) -> bool:
        """Whether it was written for the series; else that is compared again."""

    def write(self, series: Named, comparison: Comparison, scan: Scan) -> None:
        """Write it, whole or not at all."""


class Pages:
    """One self-contained page for each series, in `reports/`.

    Args:
        out: folder of the run.
        bank: for the pictures of the matches.
    """

    def __init__(self, out: Path, bank: ReferenceBank) -> None:
        self._folder = out / REPORTS
        self._bank = bank

    def is_there(self, series: Named) -> bool:
        """Whether there is a page for it."""
        return self._page(series).is_file()

    def write(self, series: Named, comparison: Comparison, scan: Scan) -> None:
        """Write the page; it names no file.

        Raises:
            OutputError: where it cannot be written.
        """
        write_page(comparison, (scan,), self._bank, self._page(series))

    def _page(self, series: Named) -> Path:
        return self._folder / f"{series.name}.html"
