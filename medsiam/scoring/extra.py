"""What is written for each compared series beside its rows: a page, or something like it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Protocol

from medsiam.bank import ReferenceBank
from medsiam.comparison.result import RESEARCH_USE, Comparison
from medsiam.reports import may_show_identity, write_page
from medsiam.scans import Scan
from medsiam.scoring.series_name import Named
from medsiam.writing import write_atomically

REPORTS = "reports"
WITHHELD = "the pictures of this series may show the patient's name, which pseudonyms cannot hide"
_WITHHELD_PAGE = (
    "<!doctype html>\n<html lang='en'>\n<meta charset='utf-8'>\n<title>medsiam: no page</title>\n"
    f"<p>No page: {escape(WITHHELD)}. The tables have the answer.</p>\n<p>{RESEARCH_USE}</p>\n"
)


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
        pseudonymous: the page of a series whose pictures may show the patient's name says that
            alone.
    """

    def __init__(self, out: Path, bank: ReferenceBank, *, pseudonymous: bool = False) -> None:
        self._folder = out / REPORTS
        self._bank = bank
        self._pseudonymous = pseudonymous

    def is_there(self, series: Named) -> bool:
        """Whether there is a page for it."""
        return self._page(series).is_file()

    def write(self, series: Named, comparison: Comparison, scan: Scan) -> None:
        """Write the page; it names no file.

        Raises:
            OutputError: where it cannot be written.
        """
        if self._pseudonymous and may_show_identity((scan,)):
            write_atomically(self._page(series), _WITHHELD_PAGE)
            return
        write_page(comparison, (scan,), self._bank, self._page(series))

    def _page(self, series: Named) -> Path:
        return self._folder / f"{series.name}.html"
