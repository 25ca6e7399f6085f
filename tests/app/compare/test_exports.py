from __future__ import annotations

import csv
import io
import json
import re
import shutil

import pydicom
import pytest
from pypdf import PdfReader

from compare.exports import _FORMS, export, file_name
from medsiam import ReferenceBank
from medsiam.bank import Review
from medsiam.comparison import compare, verdict_on
from medsiam.scans import index_folder, read_scan
from tests.app.conftest import dicom_series, scan_2d
from tests.reports.page_reader import PageReader


@pytest.fixture(scope="module")
def asked(bank_2d):
    scans = (scan_2d("across", 300, patient_id="PLANTED-4711"),)
    return compare(scans, bank_2d, k=4), scans, bank_2d


@pytest.fixture(scope="module")
def reviews(asked) -> tuple[Review, ...]:
    said = verdict_on(asked[0], asked[0].matches[1], "plausible", reader="ada", comment="hm, hm")
    time = "2026-11-30T09:00:00.000+00:00"
    return (Review(**vars(said), number=7, time=time, previous="0" * 64, digest="d" * 64),)


def pdf_text(data: bytes) -> str:
    return " ".join(PdfReader(io.BytesIO(data)).pages[0].extract_text().split())


def test_all_forms_hold_the_same_ids_and_numbers(asked, reviews):
    comparison = asked[0]
    document = json.loads(export("json", *asked, reviews))
    rows = list(csv.DictReader(io.StringIO(export("csv", *asked, reviews).decode())))
    html = export("html", *asked, reviews).decode()
    page = " ".join(PageReader(html).text.split())
    sheet = pdf_text(export("pdf", *asked, reviews))
    expected = [(match.case_id, match.distance) for match in comparison.matches]
    assert [(m["case_id"], m["distance"]) for m in document["matches"]] == expected
    assert [(row["case_id"], float(row["distance"])) for row in rows] == expected
    for text in (page, sheet):
        assert "esearch use only" in text
        for match in comparison.matches:
            assert match.case_id in text
            assert match.patient in text
        for entry in document["conditions"]:
            assert entry["condition"] in text
        for key in ("encoder_fingerprint", "encoder_name", "bank_name", "medsiam_version"):
            assert document[key] in text
        assert document["query"]["content_hashes"][0] in text
        assert document["verdict"]["text"] in text
        assert "ada plausible case" in text
        assert "hm, hm" in text
        assert "d" * 64 in text
        assert all(note in text for note in document["notes"])
    shown = re.findall(r"<span class='distance'>([\d.]+)</span>", html)
    for (case_id, distance), words, match in zip(expected, shown, comparison.matches, strict=True):
        decimals = len(words.split(".")[1])
        assert float(words) == pytest.approx(distance, abs=0.5 * 10**-decimals)
        assert f"{case_id} {match.condition} {words} {match.patient}" in sheet
    assert document["reviews"][0]["digest"] == "d" * 64
    assert all("ada, 2026-11-30 09:00 UTC: plausible" in row["reviews"] for row in rows)
    assert all("esearch use only" in row["research_use"] for row in rows)


def test_the_file_is_named_by_content_alone(asked):
    name = file_name("pdf", asked[0])
    assert name == f"medsiam-{asked[1][0].content_hash[:12]}.pdf"


# Keyword -> value planted; each in the header, and the first ones in file and folder names too.
IDENTITY = {
    "PatientName": "ZWYNN^OLUF^^DR",
    "PatientID": "QX-550-091",
    "PatientBirthDate": "19470309",
    "PatientBirthTime": "031415.926",
    "AccessionNumber": "ACCQ88123",
    "StudyID": "STUDQ17",
    "OtherPatientIDs": "OTHQ-7001",
    "OtherPatientNames": "VORMALS^ZWYNN",
    "PatientBirthName": "MAIDQ^NAMEQ",
    "PatientMotherBirthName": "MOTHQ^ER",
    "PatientAddress": "12 Planted Lane, Qtown",
    "PatientTelephoneNumbers": "+49 30 5550 7171",
    "MedicalRecordLocator": "MRLQ-3",
    "EthnicGroup": "ETHQ",
    "Occupation": "occupationq",
    "AdditionalPatientHistory": "historyq of Zwynn",
    "PatientComments": "commentq on Zwynn",
    "PatientReligiousPreference": "RELIGQ",
    "MilitaryRank": "RANKQ",
    "BranchOfService": "BRANCHQ",
    "CountryOfResidence": "COUNTRYQ",
    "RegionOfResidence": "REGIONQ",
    "ReferringPhysicianName": "REFERQ^DOC",
    "ReferringPhysicianAddress": "REFADDRQ 5",
    "ReferringPhysicianTelephoneNumbers": "0305550001",
    "PerformingPhysicianName": "PERFQ^DOC",
    "NameOfPhysiciansReadingStudy": "READQ^DOC",
    "OperatorsName": "OPERQ^TECH",
    "PhysiciansOfRecord": "RECORDQ^DOC",
    "RequestingPhysician": "REQUESTQ^DOC",
    "ScheduledPerformingPhysicianName": "SCHEDQ^DOC",
    "InstitutionName": "Hospital Qburg",
    "InstitutionAddress": "Hospital road 9, Qburg",
    "InstitutionalDepartmentName": "DEPTQ",
    "StationName": "STATIONQ1",
    "StudyDescription": "studydescq Zwynn",
    "SeriesDescription": "seriesdescq Zwynn",
    "ProtocolName": "protoq Zwynn",
    "RequestedProcedureDescription": "procq Zwynn",
    "AdmittingDiagnosesDescription": "admitq",
    "ImageComments": "imagecommq",
    "StudyDate": "20190817",
    "SeriesDate": "20190818",
    "AcquisitionDate": "20190819",
    "ContentDate": "20190820",
    "StudyTime": "112233.445566",
    "DeviceSerialNumber": "SERIALQ-55",
    "RequestedProcedureID": "REQPROCQ",
    "FillerOrderNumberImagingServiceRequest": "FILLQ-1",
    "PlacerOrderNumberImagingServiceRequest": "PLACEQ-2",
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory, bank_3d):
    """A DICOM series that names its patient wherever it can, compared with a bank of its own."""
    bank = ReferenceBank.open(
        shutil.copytree(bank_3d.path, tmp_path_factory.mktemp("planted") / "bank")
    )
    folder = tmp_path_factory.mktemp("in") / "ZWYNN^OLUF 19470309" / "ACCQ88123 QX-550-091"
    for path in dicom_series(folder, "along", 900):
        data = pydicom.dcmread(path)
        for keyword, value in IDENTITY.items():
            setattr(data, keyword, value)
        path.unlink()
        data.save_as(path.with_name(path.name.replace("PLANTED^NAME", "ZWYNN_OLUF QX-550-091")))
    (source,) = index_folder(folder).sources
    scans = (read_scan(source.path),)
    comparison = compare(scans, bank)
    assert "ZWYNN" in repr(comparison), "there is something to hide"
    log = bank.reviews
    log.append(verdict_on(comparison, comparison.matches[0], "not similar", reader="ada"))
    return comparison, scans, bank, log.all()


def test_the_planted_header_is_as_planted():
    assert len(set(IDENTITY.values())) == 50
    assert all(pydicom.datadict.tag_for_keyword(keyword) for keyword in IDENTITY)


@pytest.mark.parametrize("form", _FORMS)
def test_fifty_identity_strings_are_in_no_export(form, planted):
    comparison, scans, bank, reviews = planted
    data = export(form, comparison, scans, bank, reviews)
    text = data.decode("utf-8", "replace")
    if form == "pdf":
        text += pdf_text(data) + str(PdfReader(io.BytesIO(data)).metadata)
    text = f"{text} {file_name(form, comparison)}".lower()
    assert "not similar" in text
    found = []
    for value in IDENTITY.values():
        parts = [part for part in value.replace(",", " ").split("^") if len(part) > 3]
        found += [part for part in {value, *parts} if part.lower() in text]
    assert found == []
