"""What goes back to the archive: a report and a picture in DICOM for each compared series."""

from __future__ import annotations

import shutil
from pathlib import Path

from medsiam.bank import ReferenceBank
from medsiam.comparison.result import Comparison
from medsiam.errors import ScanError, UsageError
from medsiam.reports import Pseudonyms, write_dicom_results
from medsiam.scans import FAULTS, Scan, ScanSource
from medsiam.scans.archive import on_disk
from medsiam.scoring.extra import WITHHELD
from medsiam.scoring.series_name import Named
from medsiam.writing import write_atomically

DICOM = "dicom"


class StudyObjects:
    """Both objects of each DICOM series, in `dicom/SERIES/`; see `write_dicom_results`.

    An image or a NIfTI file has no study to be filed under: nothing is written for it. Where a
    header does not say under which study, `dicom/SERIES.txt` says so, and the run goes on.

    Args:
        out: folder of the run.
        bank: for the pictures of the matches.
        pseudonyms: instead of patient and study. Where the series' pictures may show the patient's
            name there is a report only, and `dicom/SERIES.txt` says so.
    """

    def __init__(
        self, out: Path, bank: ReferenceBank, pseudonyms: Pseudonyms | None = None
    ) -> None:
        self._folder = out / DICOM
        self._bank = bank
        self._pseudonyms = pseudonyms

    @property
    def n_withheld(self) -> int:
        """How many series have no picture because it may show the patient's name."""
        return sum((self._folder / why.stem).is_dir() for why in self._folder.glob("*.txt"))

    def is_there(self, series: Named) -> bool:
        """Whether there is nothing more to write for it."""
        return (
            _study_of(series) is None
            or (self._folder / series.name).is_dir()
            or self._why_not(series).is_file()
        )

    def write(self, series: Named, comparison: Comparison, scan: Scan) -> None:
        """Write both, or why there are none.

        Raises:
            OutputError: where they cannot be written.
        """
        source = _study_of(series)
        if source is None:
            return
        half, whole = self._folder / f".{series.name}", self._folder / series.name
        shutil.rmtree(half, ignore_errors=True)  # of a run that was killed
        shutil.rmtree(whole, ignore_errors=True)
        try:
            with on_disk(source.archives, source.path, source.files) as place:
                lie = dict(zip(place.shown(place.files), place.files, strict=True))
                files = [lie[Path(file)] for file in comparison.query.sources]
                written = write_dicom_results(
                    comparison, scan, self._bank, half, files=files, pseudonyms=self._pseudonyms
                )
        except (ScanError, UsageError) as error:
            # Their own sentences name files, and files name patients.
            why = FAULTS[error.code].matters if isinstance(error, ScanError) else "its files differ"
            write_atomically(self._why_not(series), f"no result in DICOM: {why}\n".encode())
            return
        half.rename(whole)
        if written.panel is None:
            write_atomically(self._why_not(series), f"no picture: {WITHHELD}\n".encode())
        else:
            self._why_not(series).unlink(missing_ok=True)

    def _why_not(self, series: Named) -> Path:
        return self._folder / f"{series.name}.txt"


def _study_of(series: Named) -> ScanSource | None:
    """What has a study to be filed under."""
    found = series.found
    return found if isinstance(found, ScanSource) and found.kind == "dicom" else None
