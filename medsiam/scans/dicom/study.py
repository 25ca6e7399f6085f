"""Whom and what a series is about, as its headers say: what a result must repeat to be filed there.

The one place that hands on a patient's identity. It goes into DICOM objects for the archive that
the series came from, and nowhere else: no `repr`, no log, no file name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from medsiam.errors import UsageError
from medsiam.scans.dicom.elements import device_name, text, uid
from medsiam.scans.dicom.head import read_head
from medsiam.scans.faults import fault
from medsiam.scans.guard import guarded
from medsiam.scans.sniff import opened, sniff

# Patient (PS3.3 C.7.1.1), General Study (C.7.2.1) and Patient Study (C.7.2.2) modules: what a
# result has even where nothing is known (type 2), and what it has where it is known (type 3).
NEEDED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)
_REPEATED = (*NEEDED, "IssuerOfPatientID", "StudyDescription", "PatientAge")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
_TAGS = frozenset(
    tag
    for keyword in ("SpecificCharacterSet", "Manufacturer", *_REPEATED, *_UIDS)
    if (tag := tag_for_keyword(keyword)) is not None
)
# A value that its VR does not allow (PS3.5 6.2) would make the result invalid as well.
_FORMS = {
    "AS": re.compile(r"\d{3}[DWMY]"),
    "CS": re.compile(r"[MFO]"),  # PatientSex is the only one
    "DA": re.compile(r"\d{8}"),
    "TM": re.compile(r"\d\d(\d\d(\d\d(\.\d{1,6})?)?)?"),
}
_STEERING = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Instance:
    """One file of a query, as other objects refer to it.

    Attributes:
        class_uid, uid: SOPClassUID and SOPInstanceUID.
        series_uid, study_uid: where it belongs.
        manufacturer: of the device that made it; None where the file does not say.
    """

    class_uid: str
    uid: str
    series_uid: str
    study_uid: str
    manufacturer: str | None = None


@dataclass(frozen=True)
class StudyFacts:
    """Patient and study of a query, and the objects that it consists of.

    Attributes:
        study_uid: StudyInstanceUID of the first file.
        texts: keyword and value of the other elements that files of one study share; never
            printed.
        instances: one for each file, in the order given.
        is_pseudonymous: whether all of it stands for what the files say.
    """

    study_uid: str
    texts: tuple[tuple[str, str], ...] = field(repr=False)
    instances: tuple[Instance, ...] = field(repr=False)
    is_pseudonymous: bool = False


def read_study(files: Iterable[Path | str]) -> StudyFacts:
    """Read whom and what DICOM files are about; the pixels stay unread.

    Args:
        files: of one patient, on the disk (not inside a ZIP archive).

    Raises:
        UsageError: no file, one that is no DICOM, or files of several patients.
        ScanError: for a file that cannot be read, or that lacks the UIDs of its study.
    """
    heads = [_head(Path(file)) for file in files]
    if not heads:
        raise UsageError("a result in DICOM needs a query that was read from DICOM files")
    patients = {text(head, "PatientID") for head, _ in heads}
    if len(patients) > 1:
        raise UsageError(
            f"the query's files are of {len(patients)} patients; a DICOM result belongs to one"
        )
    first, instance = heads[0]
    texts = tuple((keyword, _value(first, keyword)) for keyword in _REPEATED)
    return StudyFacts(instance.study_uid, texts, tuple(one for _, one in heads))


def _head(path: Path) -> tuple[Dataset, Instance]:
    if any(parent.is_file() for parent in path.parents):
        raise UsageError(
            f"{path.name} lies in an archive; a result in DICOM needs the files themselves, so "
            "unpack it first"
        )
    with guarded(path), opened(path) as file:
        kind = sniff(file, path)
        head = read_head(file, path, _TAGS) if kind == "dicom" else None
    if head is None:
        raise UsageError(
            f"{path.name}: no DICOM file; a result in DICOM needs a query that was read from "
            "DICOM files, because it is filed under their patient and study"
        )
    values = {keyword: uid(text(head.dataset, keyword)) for keyword in _UIDS}
    missing = [keyword for keyword, value in values.items() if value is None]
    if missing:
        raise fault("damaged_dicom", path, f"it has no {' and no '.join(missing)}")
    study, series, class_uid, own = (values[keyword] or "" for keyword in _UIDS)
    maker = device_name(text(head.dataset, "Manufacturer"))
    return head.dataset, Instance(class_uid, own, series, study, maker)


def _value(dataset: Dataset, keyword: str) -> str:
    """The element's value in its own character set; empty where absent or not what its VR allows.

    Names may be written with escape sequences (ISO 2022), so that their bytes are all ASCII: only
    pydicom's conversion tells them.
    """
    try:
        value = str(dataset[keyword].value)
    except Exception:  # a broken value may raise anything when pydicom converts it
        return ""
    said = _STEERING.sub("", value).strip()
    form = _FORMS.get(dictionary_VR(keyword))
    return said if form is None or form.fullmatch(said) else ""
