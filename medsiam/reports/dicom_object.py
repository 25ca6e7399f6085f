"""What every DICOM object that medsiam writes has in common: whose it is, who made it, its UIDs."""

from __future__ import annotations

import io
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from medsiam.comparison.result import Comparison
from medsiam.errors import MissingExtraError
from medsiam.reports.pseudonyms import mark_pseudonymous
from medsiam.scans.dicom.study import NEEDED, StudyFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Role = Literal["report", "report series", "panel", "panel series", "tracking", "device"]

_NAMESPACE = uuid.UUID("6f0a6e8f-6f1c-5b52-9a0e-6d656473696d")  # never to change
MANUFACTURER = "medsiam"
IMPLEMENTATION = f"2.25.{uuid.uuid5(_NAMESPACE, 'implementation').int}"
_SERIES_NUMBERS = {"SR": 9901, "OT": 9902}
_MODULES = {"highdicom": "highdicom", "pynetdicom": "pynetdicom", "dicomweb_client": "DICOMweb"}


def need_pacs_extra(error: ImportError) -> MissingExtraError:
    """The error that says how to install what an import did not find."""
    name = _MODULES.get((error.name or "").split(".")[0], error.name)
    return MissingExtraError(f"{name} is not installed; `pip install 'medsiam[pacs]'` brings it")


def object_uid(comparison: Comparison, facts: StudyFacts, role: Role, *parts: object) -> str:
    """A UID that follows from the question alone (PS3.5 B.2, UUID derived).

    The same files asked of the same version of a bank with the same settings give the same UID, on
    any machine and at any time, so that an archive which is sent a result twice holds it once.
    Distances are left out: their last digits differ between machines.

    Args:
        comparison: the answer.
        facts: of the query's files.
        role: which object.
        parts: what tells several objects of one role apart.
    """
    used = comparison.calibration
    origin = [
        role,
        facts.study_uid,
        sorted(one.uid for one in facts.instances),
        comparison.query.content_hashes,
        comparison.encoder_fingerprint,
        [comparison.bank_name, comparison.bank_version, comparison.n_cases],
        # Two banks may share name and version; what they hold tells them apart.
        sorted(entry.condition for entry in comparison.conditions),
        sorted(match.case_id for match in comparison.matches),
        [comparison.metric, comparison.rule, comparison.k, used and used.number],
        comparison.medsiam_version,
        parts,
    ]
    return _uid(json.dumps(origin))


def device_uid(comparison: Comparison) -> str:
    """The UID of the program with this encoder, as an observer."""
    return _uid(json.dumps(["device", comparison.encoder_fingerprint]))


def new_object(
    comparison: Comparison, facts: StudyFacts, *, class_uid: str, modality: str, description: str
) -> Dataset:
    """Return an object of the query's patient and study, in a series of its own.

    Patient, General Study, General Series, General Equipment and SOP Common modules (PS3.3 C.7.1.1,
    C.7.2.1, C.7.3.1, C.7.5.1, C.12.1). Its times are those of the comparison, not of the writing;
    under pseudonyms it has none.

    Args:
        comparison: what the object tells.
        facts: of the query.
        class_uid: SOPClassUID.
        modality: "SR" for the report, "OT" for the panel.
        description: SeriesDescription, at most 64 characters.
    """
    from pydicom.dataset import Dataset

    role: Role = "report" if modality == "SR" else "panel"
    series: Role = "report series" if modality == "SR" else "panel series"
    made = datetime.fromisoformat(comparison.created)
    date, time = made.strftime("%Y%m%d"), made.strftime("%H%M%S")
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in facts.texts:
        if value or keyword in NEEDED:
            setattr(ds, keyword, value)
    ds.StudyInstanceUID = facts.study_uid
    ds.SeriesInstanceUID = object_uid(comparison, facts, series)
    ds.SOPInstanceUID = object_uid(comparison, facts, role)
    ds.SOPClassUID = class_uid
    ds.Modality = modality
    ds.SeriesNumber = _SERIES_NUMBERS[modality]
    ds.SeriesDescription = description
    ds.InstanceNumber = 1
    ds.Manufacturer = MANUFACTURER
    ds.ManufacturerModelName = "medsiam comparison (research use only)"
    ds.SoftwareVersions = comparison.medsiam_version or "unknown"
    ds.SeriesDate = ds.ContentDate = ds.InstanceCreationDate = date
    ds.SeriesTime = ds.ContentTime = ds.InstanceCreationTime = time
    ds.TimezoneOffsetFromUTC = "+0000"
    if facts.is_pseudonymous:
        mark_pseudonymous(ds)
    return ds


def file_bytes(dataset: Dataset) -> bytes:
    """Return the object as a file (PS3.10), Explicit VR Little Endian."""
    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION)
    meta.ImplementationVersionName = "MEDSIAM"
    written = type(dataset)(dataset)
    written.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, written, enforce_file_format=True)
    return buffer.getvalue()


def _uid(origin: str) -> str:
    return f"2.25.{uuid.uuid5(_NAMESPACE, origin).int}"
