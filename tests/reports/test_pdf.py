"""The PDF page: one page, the same words and numbers, safe whatever the names are."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from medsiam.comparison import RESEARCH_USE, compare_embedding
from medsiam.errors import OutputError
from medsiam.reports import write_pdf
from medsiam.reports.pdf import pdf
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports.test_review_words import make_comparison, make_reviews


def read(data: bytes) -> tuple[int, str]:
    """Number of pages, and the text with white space as one blank."""
    reader = PdfReader(io.BytesIO(data))
    return len(reader.pages), " ".join(reader.pages[0].extract_text().split())


def make(bank, scan, **settings):
    comparison = compare_embedding(bank.embeddings[0], scan, bank, metric="euclidean", **settings)
    return comparison, pdf(comparison, (scan,), bank)


def test_everything_a_reader_needs_on_one_page():
    bank = ring_bank(conditions=("thin shell", "cyst", "spiculated"))
    values = make_scan().array
    bank.kept = {
        c.case_id: (make_scan(np.roll(values, i)),) for i, c in enumerate(bank.cases, start=2)
    }
    comparison, data = make(bank, make_scan(warnings=("Odd spacing.",)), k=4)
    pages, text = read(data)
    assert pages == 1
    assert text.count(RESEARCH_USE) == 2
    assert comparison.verdict.text in text
    for said in ("Odd spacing.", *comparison.notes, *comparison.query.content_hashes, "f" * 64):
        assert said in text
    for match in comparison.matches:
        line = f"{match.rank} {match.case_id} {match.condition} {match.distance:.2f}"
        assert f"{line} {match.patient} histology" in text
    for entry in comparison.conditions:
        line = f"{entry.rank} {entry.condition} {entry.distance:.2f} {entry.nearest_case_id}"
        assert line in text
    assert "stub, version 1" in text
    assert len(PdfReader(io.BytesIO(data)).pages[0].images) == 5


def test_it_names_no_file_and_no_patient(tmp_path):
    scan = make_scan(patient_id="SECRET-17", sources=(Path("/in/DOE^JANE/DOE.png"),))
    bank = ring_bank()
    comparison = compare_embedding(bank.embeddings[0], scan, bank)
    path = tmp_path / "page.pdf"
    write_pdf(comparison, scan, bank, path)
    reader = PdfReader(path)
    everything = f"{read(path.read_bytes())[1]} {reader.metadata} {path.read_bytes()!r}"
    assert "SECRET" not in everything
    assert "DOE" not in everything
    assert comparison.query.patient in everything
    assert reader.metadata.title == f"medsiam: study {scan.content_hash[:12]}"
    assert reader.metadata.subject == RESEARCH_USE


def test_the_same_answer_is_the_same_file_and_another_one_is_not():
    bank = ring_bank()
    comparison, data = make(bank, make_scan())
    assert pdf(comparison, (make_scan(),), bank) == data
    assert pdf(replace(comparison, k=6), (make_scan(),), bank) != data


def test_pages_made_at_once_are_the_same():
    bank = ring_bank()
    comparison, data = make(bank, make_scan())
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda _: pdf(comparison, (make_scan(),), bank), range(12))
        assert set(made) == {data}


HARD = "<b>&amp; リンパ \u05d0\u05d1 \ud83e\x00" + "verylongword" * 9


def test_any_name_and_any_amount_stay_on_one_page():
    bank = ring_bank(60, conditions=[f"{HARD} {i}" for i in range(30)])
    bank.name = HARD
    bank.cases = tuple(
        replace(case, case_id=f"{HARD}{i}", proof=HARD) for i, case in enumerate(bank.cases)
    )
    bank.kept = {case.case_id: (make_scan(),) for case in bank.cases}
    scan = make_scan(modality=HARD, warnings=(HARD,) * 20)
    pages, text = read(make(bank, scan, k=50)[1])
    assert pages == 1
    assert r"<b>&amp; \u30ea\u30f3\u30d1" in text
    assert text.endswith("0.1.0") or RESEARCH_USE in text


def test_what_readers_said_is_on_it():
    comparison = make_comparison()
    bank, reviews = ring_bank(), make_reviews(comparison)
    _, text = read(pdf(comparison, (make_scan(),), bank, reviews=reviews))
    match = comparison.matches[1]
    assert re.search(rf"ada plausible, withdrawn case {match.case_id}", text)
    assert "bob none of these =odd" in text
    assert "of another study" not in text
    assert "4" * 64 in text


def test_a_place_that_cannot_be_written(tmp_path):
    bank = ring_bank()
    with pytest.raises(OutputError, match="cannot write"):
        write_pdf(make_comparison(), make_scan(), bank, tmp_path)
