"""The structured report, as dcmtk, dicom3tools and pydicom read it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from medsiam.comparison import RESEARCH_USE, compare_embedding
from medsiam.errors import MissingExtraError
from medsiam.phantoms import make_phantom, write_dicom
from medsiam.reports.dicom_sr import structured_report
from medsiam.scans import read_scan, read_study
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.dicom_tools import faults, report_text
from tests.scans.written import SECRET, write


@pytest.fixture(scope="module", params=[2, 3])
def series(request, tmp_path_factory):
    phantom = make_phantom(
        "dumbbell", spatial_dims=request.param, patient_id="SYN-7", random_state=4
    )
    written = write_dicom(phantom, tmp_path_factory.mktemp("query"))
    return sorted(written.iterdir()) if written.is_dir() else [written]


def answer(files, **settings):
    bank = ring_bank(conditions=("thin shell", "cyst", "Übergang"))
    scan = make_scan(sources=tuple(files))
    settings = {"metric": "euclidean", "k": 4, **settings}
    return compare_embedding(bank.embeddings[0], scan, bank, **settings)


def items(ds, depth=0):
    """Every content item with its depth."""
    for item in ds.get("ContentSequence", ()):
        yield depth, item
        yield from items(item, depth + 1)


def numbers(group):
    return {
        item.ConceptNameCodeSequence[0].CodeValue: float(item.MeasuredValueSequence[0].NumericValue)
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


def texts(group):
    return {
        item.ConceptNameCodeSequence[0].CodeMeaning: item.TextValue
        for item in group.ContentSequence
        if item.ValueType == "TEXT"
    }


def groups(ds):
    return [
        item
        for _, item in items(ds)
        if item.ConceptNameCodeSequence[0].CodeMeaning == "Measurement Group"
    ]


def test_a_validator_finds_no_error_and_dcmtk_prints_the_answer(series, tmp_path):
    comparison = answer(series)
    path = tmp_path / "sr.dcm"
    path.write_bytes(structured_report(comparison, read_study(series)))
    assert faults(path) == []
    said = report_text(path)
    for text in (
        RESEARCH_USE,
        comparison.verdict.text,
        comparison.encoder_fingerprint,
        f"{comparison.bank_name}, version {comparison.bank_version}",
        comparison.probability_reason,
        *(match.case_id for match in comparison.matches),
        *(entry.condition for entry in comparison.conditions),
    ):
        assert text in said
    assert "invalid" not in said


def test_every_number_and_name_is_that_of_the_comparison(series):
    comparison = answer(series)
    ds = pydicom.dcmread(io.BytesIO(structured_report(comparison, read_study(series))))
    verdict, *rest = groups(ds)
    assert numbers(verdict)["judged"] == pytest.approx(comparison.verdict.value, rel=1e-9)
    assert numbers(verdict)["limit"] == pytest.approx(comparison.verdict.threshold, rel=1e-9)
    conditions, matches = rest[: len(comparison.conditions)], rest[len(comparison.conditions) :]
    for group, entry in zip(conditions, comparison.conditions, strict=True):
        assert numbers(group) == pytest.approx(
            {"rank": entry.rank, "distance": entry.distance, "patients": entry.n_patients}
        )
        assert texts(group)["Finding"] == entry.condition
    for group, match in zip(matches, comparison.matches, strict=True):
        assert numbers(group) == pytest.approx({"rank": match.rank, "distance": match.distance})
        assert texts(group)["Case of the bank"] == match.case_id
        assert texts(group)["Algorithm Name"] == "medsiam"
    shown = structured_report(comparison, read_study(series)).decode("utf-8", "replace")
    assert not [m.patient for m in comparison.matches if m.patient and m.patient in shown]


def test_it_belongs_to_the_querys_study_and_refers_to_each_of_its_images(series):
    ds = pydicom.dcmread(io.BytesIO(structured_report(answer(series), read_study(series))))
    queries = [pydicom.dcmread(file, stop_before_pixels=True) for file in series]
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyID"):
        assert ds[keyword].value == queries[0][keyword].value
    assert ds.SeriesInstanceUID != queries[0].SeriesInstanceUID
    (study,) = ds.CurrentRequestedProcedureEvidenceSequence
    (one,) = study.ReferencedSeriesSequence
    uids = {query.SOPInstanceUID for query in queries}
    assert {item.ReferencedSOPInstanceUID for item in one.ReferencedSOPSequence} == uids
    images = [item for _, item in items(ds) if item.ValueType == "IMAGE"]
    named = [image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for image in images]
    assert sorted(named) == sorted([*uids, *uids])  # the library, and the judged distance


def test_the_same_question_has_the_same_uids_and_another_one_others(series):
    comparison, facts = answer(series), read_study(series)

    def uids(asked, about=facts):
        ds = pydicom.dcmread(io.BytesIO(structured_report(asked, about)))
        return ds.SOPInstanceUID, ds.SeriesInstanceUID

    later = replace(comparison, created="2031-01-01T00:00:00+00:00")
    assert uids(comparison) == uids(later)
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids(comparison))
    others = [
        replace(comparison, bank_version=2),
        replace(comparison, encoder_fingerprint="0" * 64),
        replace(comparison, k=5),
        replace(comparison, bank_name="another"),
    ]
    assert len({*uids(comparison), *(uid for one in others for uid in uids(one))}) == 10
    other_patient = replace(facts, study_uid="1.2.3")
    assert not set(uids(comparison)) & set(uids(comparison, other_patient))


def test_probabilities_stand_there_where_there_are_any_and_none_of_these_is_said(series):
    comparison = answer(series)
    first, *rest = comparison.matches
    told = replace(
        comparison,
        matches=(replace(first, probability=0.75), *rest),
        verdict=replace(comparison.verdict, outcome="none of these", condition=None),
        probability_reason=None,
    )
    ds = pydicom.dcmread(io.BytesIO(structured_report(told, read_study(series))))
    verdict, *rest = groups(ds)
    assert numbers(rest[len(told.conditions)])["probability"] == 0.75
    (outcome,) = (i for i in verdict.ContentSequence if i.ValueType == "CODE")
    assert outcome.ConceptCodeSequence[0].CodeValue == "none"
    assert "Why there is no probability" not in texts(verdict)


def test_names_in_other_letters_survive_and_files_are_not_named(tmp_path):
    folder = tmp_path / "DOE^JANE"
    name = "Yamada^Tarou=山田^太郎"
    path = write(
        folder / "DOE.dcm",
        np.zeros((8, 8), np.uint16),
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=name,
    )
    comparison = answer([path])
    written = structured_report(
        replace(comparison, notes=("read from DOE.dcm",)), read_study([path])
    )
    assert str(pydicom.dcmread(io.BytesIO(written)).PatientName) == name
    assert b"DOE" not in written
    assert SECRET.encode() not in written
    out = tmp_path / "sr.dcm"
    out.write_bytes(written)
    assert faults(out) == []


def test_without_the_extra_one_line_says_what_to_install(series, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "highdicom.sr.utils", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'medsiam\[pacs\]'"):
        structured_report(answer(series), read_study(series))


def test_a_real_scan_is_its_own_query(series):
    scan = read_scan(series[0].parent)
    assert {str(file) for file in series} == {str(file) for file in scan.sources}
