"""Pseudonyms for whatever names a patient or a study, the same ones for the same key.

HMAC-SHA256 (RFC 2104): without the key nobody can tell whose a pseudonym is, nor try out names.
What is done to DICOM objects is the Basic Application Level Confidentiality Profile (PS3.15
table E.1-1) for the attributes that medsiam writes.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from medsiam.comparison.result import Comparison
from medsiam.errors import UsageError
from medsiam.scans.dicom.study import NEEDED, Instance, StudyFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LEAST_KEY = 32  # bytes
_DIGITS = 16  # hexadecimal, 64 bits: all that AccessionNumber and StudyID have room for (VR SH)
_NO_DATE, _NO_TIME = "19000101", "000000"  # where one must be (type 1)
_METHOD = ("medsiam --pseudonymise", "pseudonyms: HMAC-SHA256", "dates: removed")
# CID 7050; the texts in these objects are medsiam's own words, which name nobody.
CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113105", "Clean Descriptors Option"),
    ("113104", "Clean Structured Content Option"),  # of a report alone
)


class Pseudonyms:
    """Gives pseudonyms under one key.

    Args:
        key: at least 32 bytes, best from a random source; never shown.

    Raises:
        UsageError: for a shorter key.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < LEAST_KEY:
            raise UsageError(f"a key has at least {LEAST_KEY} bytes, this one has {len(key)}")
        self._key = key

    def __repr__(self) -> str:
        return f"Pseudonyms({self.check[:8]})"

    @property
    def check(self) -> str:
        """Tells this key from others, and says nothing else about it."""
        return self._mac("check").hex()

    def word(self, kind: str, *values: str) -> str:
        """16 hexadecimal digits for what `values` name; another kind has others.

        Args:
            kind: of name, such as "patient".
            values: that name it together.
        """
        return self._mac(kind, *values).hex()[:_DIGITS].upper()

    def uid(self, uid: str) -> str:
        """A UID for a study, series, object or frame of reference.

        PS3.5 B.2, UUID derived: under 2.25, from a UUID of version 8 (RFC 9562 section 5.8).
        """
        number = int.from_bytes(self._mac("uid", uid)[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76
        return f"2.25.{number & ~(0b11 << 62) | 0b10 << 62}"

    def path(self, path: str) -> str:
        """A path of as many parts, each a pseudonym: files are named after patients."""
        parts = path.split("/")
        return "/".join(self.word("path", *parts[: n + 1]).lower() for n in range(len(parts)))

    def of_comparison(self, comparison: Comparison) -> Comparison:
        """Return the comparison with its study, series and patient under pseudonyms.

        The paths of its files stay, for programs that read them.
        """
        query = comparison.query
        hidden = replace(
            query,
            series_uid=None if query.series_uid is None else self.uid(query.series_uid),
            study_uid=None if query.study_uid is None else self.uid(query.study_uid),
            patient=None if query.patient is None else self.word("hash", query.patient),
        )
        return replace(comparison, query=hidden)

    def of_study(self, facts: StudyFacts) -> StudyFacts:
        """Return whom and what a query is about under pseudonyms.

        Patient, accession and study number have pseudonyms; all else that a result would repeat is
        removed: dates, times, birth date, sex, age, physician, description, issuer.
        """
        said = dict(facts.texts)
        patient = self._patient(said, facts.study_uid)
        names = {"PatientName": patient, "PatientID": patient}
        if number := said.get("AccessionNumber"):
            names["AccessionNumber"] = self.word("accession", number)
        if number := said.get("StudyID"):  # often a mere "1"
            names["StudyID"] = self.word("study", facts.study_uid, number)
        return StudyFacts(
            study_uid=self.uid(facts.study_uid),
            texts=tuple((keyword, names.get(keyword, "")) for keyword in NEEDED),
            instances=tuple(map(self._instance, facts.instances)),
            is_pseudonymous=True,
        )

    def _patient(self, said: Mapping[str, str], study_uid: str) -> str:
        """By his number, whatever his name is written like; numbers of two issuers are two."""
        if number := said.get("PatientID"):
            return self.word("patient", number, said.get("IssuerOfPatientID", ""))
        if name := said.get("PatientName"):
            return self.word("name", name, said.get("PatientBirthDate", ""))
        return self.word("patient of study", study_uid)

    def _instance(self, one: Instance) -> Instance:
        return Instance(
            one.class_uid,
            self.uid(one.uid),
            self.uid(one.series_uid),
            self.uid(one.study_uid),
            one.manufacturer,
        )

    def _mac(self, kind: str, *values: str) -> bytes:
        text = json.dumps(["medsiam", kind, *values])
        return hmac.digest(self._key, text.encode(), "sha256")


def mark_pseudonymous(ds: Dataset) -> None:
    """Take the times out of an object that was made of pseudonymous facts, and say what was done.

    Removed rather than shifted: nothing in the answer needs them, and one date that somebody knows
    undoes a shift for all of a patient's studies.

    Args:
        ds: a report or a panel, as `new_object` makes it; it is changed.
    """
    from pydicom.dataset import Dataset

    for keyword in (
        "SeriesDate",
        "SeriesTime",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "TimezoneOffsetFromUTC",
    ):
        delattr(ds, keyword)
    ds.ContentDate, ds.ContentTime = _NO_DATE, _NO_TIME
    ds.PatientIdentityRemoved = "YES"
    ds.LongitudinalTemporalInformationModified = "REMOVED"
    ds.DeidentificationMethod = list(_METHOD)
    codes = []
    for value, meaning in CODES if ds.Modality == "SR" else CODES[:2]:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
        codes.append(code)
    ds.DeidentificationMethodCodeSequence = codes
