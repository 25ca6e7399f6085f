"""The panel of a comparison as a DICOM Secondary Capture: the query beside its nearest cases.

PS3.3 A.8.1 (Secondary Capture Image IOD), RGB. For readers whose viewer shows no structured report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medsiam.comparison.result import Comparison
from medsiam.reports.dicom_object import file_bytes, new_object
from medsiam.reports.hidden_names import nameless
from medsiam.reports.page import kept_scans, listed_cases
from medsiam.reports.panel import panel
from medsiam.reports.pdf_films import films
from medsiam.scans.dicom.study import StudyFacts
from medsiam.scans.scan import Scan

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from medsiam.bank import ReferenceBank

_TITLE = "medsiam panel, RESEARCH USE ONLY"
_MAY_SHOW_IDENTITY = {"shows_identity", "burned_in_text"}


def panel_object(
    comparison: Comparison, query_scans: Sequence[Scan], facts: StudyFacts, bank: ReferenceBank
) -> bytes:
    """Return the panel as a DICOM file.

    The panel itself names nobody. BurnedInAnnotation is NO, except where the query's own picture
    may show text (ultrasound, screenshots): then it is YES, as that text is in the panel too.

    Args:
        comparison: the answer.
        query_scans: in phase order, for the pictures.
        facts: of the query's files, under whose study the panel is filed.
        bank: for pictures of the matches.
    """
    from pydicom.uid import SecondaryCaptureImageStorage

    shown = nameless(comparison)
    drawn = panel(
        shown,
        films(
            shown,
            query_scans,
            listed_cases(shown, bank),
            lambda case_id: kept_scans(bank, case_id),
        ),
    )
    ds = new_object(
        shown,
        facts,
        class_uid=SecondaryCaptureImageStorage,
        modality="OT",
        description=_TITLE,
    )
    ds.ConversionType = "WSD"
    ds.ImageType = ["DERIVED", "SECONDARY"]
    ds.DerivationDescription = (
        f"Query beside the nearest cases of a reference bank, drawn by medsiam "
        f"{shown.medsiam_version}. {shown.research_use}"
    )
    ds.ImageComments = f"{shown.verdict.text[:900]} {shown.research_use}"
    ds.BurnedInAnnotation = "YES" if may_show_identity(query_scans) else "NO"
    ds.LossyImageCompression = "00"
    ds.Laterality = ""  # type 2C, and the panel may show both sides
    ds.PatientOrientation = ""
    ds.SourceImageSequence = [_reference(one.class_uid, one.uid) for one in facts.instances]
    _set_pixels(ds, np.asarray(drawn.convert("RGB")))
    return file_bytes(ds)


def may_show_identity(scans: Sequence[Scan]) -> bool:
    """Whether the pictures themselves may name the patient, as ultrasound and screenshots do."""
    codes = {getattr(said, "code", None) for scan in scans for said in scan.warnings}
    return bool(codes & _MAY_SHOW_IDENTITY)


def _reference(class_uid: str, uid: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = class_uid, uid
    return item


def _set_pixels(ds: Dataset, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Image Pixel module (PS3.3 C.7.6.3); `pixels` is (rows, columns, 3)."""
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
    ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.PixelRepresentation = 0
    data = np.ascontiguousarray(pixels).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
