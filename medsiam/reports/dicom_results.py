"""Both DICOM objects of a comparison as files, ready to be sent to the archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medsiam.comparison.result import Comparison
from medsiam.reports.dicom_object import need_pacs_extra, object_uid
from medsiam.reports.dicom_sr import structured_report
from medsiam.reports.hidden_names import nameless
from medsiam.reports.pseudonyms import Pseudonyms
from medsiam.reports.secondary_capture import may_show_identity, panel_object
from medsiam.scans.dicom.study import read_study
from medsiam.scans.scan import Scan
from medsiam.writing import write_atomically

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank


@dataclass(frozen=True)
class DicomResults:
    """What was written.

    Attributes:
        report: the structured report.
        panel: the secondary capture; None where it was withheld, because it would show what
            pseudonyms hide.
    """

    report: Path
    panel: Path | None

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that are there."""
        return (self.report,) if self.panel is None else (self.report, self.panel)


def check_can_write_dicom() -> None:
    """Refuse before anything long begins.

    Raises:
        MissingExtraError: the extra `pacs` is not installed.
    """
    try:
        import highdicom.sr  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise need_pacs_extra(error) from error


def write_dicom_results(
    comparison: Comparison,
    query_scans: Scan | Sequence[Scan],
    bank: ReferenceBank,
    folder: Path | str,
    *,
    files: Iterable[Path | str] | None = None,
    pseudonyms: Pseudonyms | None = None,
) -> DicomResults:
    """Write the report and the panel of one comparison, each whole or not at all.

    Their names are their SOPInstanceUIDs, which follow from the question: the same question
    writes, and sends, the same two objects again.

    Args:
        comparison: the answer.
        query_scans: the query's scans in phase order, for the pictures.
        bank: for pictures of the matches.
        folder: made where needed.
        files: the query's DICOM files where they lie now; by default where they were read from.
        pseudonyms: instead of patient and study, under which the objects then are not filed. There
            is no panel where the query's pictures may show the patient's name.

    Raises:
        MissingExtraError: without the extra `pacs`.
        UsageError: the query is not from DICOM files.
        ScanError: its files can no longer be read.
        OutputError: where a file cannot be written.
    """
    scans = (query_scans,) if isinstance(query_scans, Scan) else tuple(query_scans)
    facts = read_study(comparison.query.sources if files is None else files)
    if pseudonyms is not None:
        facts = pseudonyms.of_study(facts)
    named = nameless(comparison)
    place = Path(folder)
    made = {"report": structured_report(comparison, facts)}
    if pseudonyms is None or not may_show_identity(scans):
        made["panel"] = panel_object(comparison, scans, facts, bank)
    paths = {
        "report": place / f"{object_uid(named, facts, 'report')}.dcm",
        "panel": place / f"{object_uid(named, facts, 'panel')}.dcm",
    }
    for name, content in made.items():
        write_atomically(paths[name], content)
    return DicomResults(paths["report"], paths["panel"] if "panel" in made else None)
