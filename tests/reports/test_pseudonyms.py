"""Pseudonyms against HMAC written out by hand, and PS3.15 as Orthanc carries it out."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.request
import uuid

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

from medsiam.comparison import compare_embedding
from medsiam.errors import UsageError
from medsiam.reports import Pseudonyms
from medsiam.reports.dicom_sr import structured_report
from medsiam.reports.secondary_capture import panel_object
from medsiam.scans import read_study
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.pacs.peers import orthanc
from tests.reports.dicom_tools import faults, report_text
from tests.scans.written import SERIES, write

KEY = bytes(range(32))
PIXELS = np.eye(32, dtype=np.uint16)
PERSONAL = {
    "PatientName": "Planted^Name",
    "PatientID": "planted-4711",
    "IssuerOfPatientID": "planted-issuer",
    "PatientBirthDate": "19111122",
    "PatientSex": "F",
    "PatientAge": "087Y",
    "StudyDate": "19571231",
    "StudyTime": "075309",
    "AccessionNumber": "planted-acc",
    "ReferringPhysicianName": "Planted^Doctor",
    "StudyID": "planted-study",
    "StudyDescription": "planted description",
    "FrameOfReferenceUID": "1.2.826.0.1.3680043.8.498.3",
}


PADS = (b"\x36" * 64, b"\x5c" * 64)


def by_hand(key, *words):
    """RFC 2104 with SHA-256, for a key of at most 64 bytes."""
    inner, outer = (
        bytes(a ^ b for a, b in zip(key.ljust(64, b"\0"), pad, strict=True)) for pad in PADS
    )
    text = json.dumps(["medsiam", *words]).encode()
    return hashlib.sha256(outer + hashlib.sha256(inner + text).digest()).hexdigest()


@pytest.fixture
def files(tmp_path):
    return [
        write(tmp_path / f"{n}.dcm", PIXELS + n, position=(0, 0, n), **PERSONAL) for n in range(3)
    ]


def objects(files, facts):
    bank = ring_bank()
    scan = make_scan(sources=tuple(files))
    answer = compare_embedding(bank.embeddings[0], scan, bank)
    return structured_report(answer, facts), panel_object(answer, (scan,), facts, bank)


def read(data):
    return pydicom.dcmread(io.BytesIO(data))


def test_a_word_is_the_hmac_of_what_it_stands_for(files):
    made = Pseudonyms(KEY)
    assert made.word("patient", "4711", "") == by_hand(KEY, "patient", "4711", "")[:16].upper()
    assert made.check == by_hand(KEY, "check")
    other = Pseudonyms(KEY[::-1])
    assert other.word("patient", "4711") != made.word("patient", "4711")
    assert made.word("a", "b", "c") != made.word("a", "bc")


def test_a_uid_is_a_lawful_one_from_the_hmac():
    made = Pseudonyms(KEY)
    uids = [made.uid(f"1.2.{n}") for n in range(200)]
    assert len(set(uids)) == 200
    for n, one in enumerate(uids):
        assert UID(one).is_valid
        number = uuid.UUID(int=int(one.removeprefix("2.25.")))
        assert (number.version, number.variant) == (8, uuid.RFC_4122)
        expected = by_hand(KEY, "uid", f"1.2.{n}")[:32]
        assert sum(a != b for a, b in zip(number.hex, expected, strict=True)) <= 2  # the version


def test_paths_keep_their_form_and_folders_their_likeness():
    made = Pseudonyms(KEY)
    first, second = made.path("DOE/a/1.dcm"), made.path("DOE/a/2.dcm")
    assert first.count("/") == 2
    assert first.rpartition("/")[0] == second.rpartition("/")[0]
    assert first != second
    assert made.path("a/a") != "/".join([made.path("a")] * 2)  # no folder of one name is told


def test_the_key_is_never_shown_and_a_short_one_refused():
    assert KEY.hex() not in repr(Pseudonyms(KEY))
    assert repr(KEY) not in repr(Pseudonyms(KEY))
    with pytest.raises(UsageError, match="32 bytes"):
        Pseudonyms(KEY[:31])


def test_one_patient_is_one_and_two_are_two(tmp_path):
    def patient(**said):
        path = write(tmp_path / "a.dcm", PIXELS, **said)
        return dict(Pseudonyms(KEY).of_study(read_study([path])).texts)["PatientID"]

    known = patient(PatientID="1", PatientName="A")
    assert patient(PatientID="1", PatientName="B") == known
    assert patient(PatientID="2", PatientName="A") != known
    assert patient(PatientID="1", IssuerOfPatientID="elsewhere") != known
    nameless = patient(PatientID="", PatientName="A", PatientBirthDate="20000101")
    assert nameless not in {known, patient(PatientID="", PatientName="A")}
    studies = {patient(PatientID="", PatientName="", StudyInstanceUID=f"1.2.{n}") for n in range(2)}
    assert len(studies) == 2


def test_objects_are_valid_name_nobody_and_refer_to_the_same_pseudonyms(files, tmp_path):
    made = Pseudonyms(KEY)
    facts = made.of_study(read_study(files))
    report, panel = objects(files, facts)
    uids = {pydicom.dcmread(file).SOPInstanceUID for file in files}
    hidden = {made.uid(uid) for uid in uids}
    for name, data in (("sr.dcm", report), ("sc.dcm", panel)):
        (tmp_path / name).write_bytes(data)
        assert faults(tmp_path / name) == []
        for said in (*PERSONAL.values(), "4711", SERIES, *uids, "1.2.826.0.1.3680043.8.498"):
            if len(said) > 4:
                assert said.encode() not in data
        ds = read(data)
        assert ds.PatientName == ds.PatientID == facts.texts[1][1]
        assert (ds.PatientBirthDate, ds.PatientSex, ds.StudyDate) == ("", "", "")
        assert ds.PatientIdentityRemoved == "YES"
        assert ds.LongitudinalTemporalInformationModified == "REMOVED"
        assert ds.StudyInstanceUID == made.uid("1.2.826.0.1.3680043.8.498.2")
        assert ds.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert ds.ContentDate == "19000101"
        assert all("Date" not in e.keyword or not e.value or e.value == "19000101" for e in ds)
    report, panel = read(report), read(panel)
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert {one.ReferencedSOPInstanceUID for one in evidence.ReferencedSOPSequence} == hidden
    assert evidence.SeriesInstanceUID == made.uid(SERIES)
    assert {one.ReferencedSOPInstanceUID for one in panel.SourceImageSequence} == hidden
    assert "medsiam verdict" in report_text(tmp_path / "sr.dcm")


def test_objects_are_the_same_for_the_same_key_alone(files):
    facts = read_study(files)
    first, again = (objects(files, Pseudonyms(KEY).of_study(facts)) for _ in range(2))
    other = objects(files, Pseudonyms(KEY[::-1]).of_study(facts))
    plain = objects(files, facts)
    uids = [read(data).SOPInstanceUID for data in (*first, *other, *plain)]
    assert len(set(uids)) == 6
    assert [read(data).SOPInstanceUID for data in again] == uids[:2]


def anonymised(archive, instance):
    url = f"http://127.0.0.1:{archive.http}/instances/{instance}/anonymize"
    asked = urllib.request.Request(url, b'{"Force": true}')
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return read(answer.read())


# What medsiam itself says in these, and who made the object: nothing of it comes from the query.
OWN_WORDS = {"SeriesDescription", "DerivationDescription", "ImageComments", "ContentSequence"}


def test_whatever_orthanc_takes_out_by_the_basic_profile_is_out(files, tmp_path):
    facts = read_study(files)
    hidden = Pseudonyms(KEY).of_study(facts)
    with orthanc(tmp_path / "pacs") as archive:
        for plain, ours in zip(objects(files, facts), objects(files, hidden), strict=True):
            stored = archive.post("/instances", plain)["ID"]
            anonymous = anonymised(archive, stored)
            before, ours = read(plain), read(ours)
            taken = [
                element.keyword
                for element in before
                if element.value and anonymous.get(element.keyword) != element.value
            ]
            assert {"PatientName", "PatientAge", "StudyDate", "AccessionNumber"} <= {*taken}
            kept = [word for word in taken if ours.get(word) == before[word].value]
            assert {*kept} <= OWN_WORDS
