"""Rows and CSV, read back by an independent reader."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pyarrow.csv
import pytest

from medsiam.comparison import RESEARCH_USE, compare_embedding
from medsiam.errors import OutputError
from medsiam.reports import flat_rows, safe_cell, write_csv
from tests.comparison.stub_bank import make_scan, ring_bank
from tests.reports import test_review_words as review_words


def make_comparison(name="A", k=3, **facts):
    bank = ring_bank(conditions=(name, "other"))
    scan = make_scan(**{"sources": (Path("/in/x.png"),), **facts})
    return compare_embedding(bank.embeddings[0], scan, bank, k=k)


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_one_row_per_match():
    comparison = make_comparison(k=4, series_uid="1.2.3")
    rows = flat_rows(comparison)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    for row, match in zip(rows, comparison.matches, strict=True):
        assert (row["case_id"], row["condition"]) == (match.case_id, match.condition)
        assert (row["distance"], row["patient_id"]) == (match.distance, match.patient)
        assert row["query"] == "/in/x.png"
        assert row["series_uid"] == "1.2.3"
        assert row["verdict"] == comparison.verdict.outcome
        assert row["threshold"] == comparison.verdict.threshold
        assert row["encoder_fingerprint"] == "f" * 64
        assert row["bank_version"] == 1
        assert row["research_use"] == RESEARCH_USE
        assert row["notes"] == " ".join(comparison.notes)
        assert row["probability"] is None


def test_written_rows_come_back(tmp_path):
    first, second = make_comparison(), make_comparison(name='commas, "quotes"\nand lines', k=2)
    write_csv([first, second], tmp_path / "out.csv")
    rows = read(tmp_path / "out.csv")
    assert len(rows) == 5
    assert [float(row["distance"]) for row in rows[:3]] == [m.distance for m in first.matches]
    assert rows[3]["condition"] == second.matches[0].condition
    table = pyarrow.csv.read_csv(
        tmp_path / "out.csv", parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True)
    )
    assert table.num_rows == 5
    write_csv(first, tmp_path / "one.csv")
    assert len(read(tmp_path / "one.csv")) == 3


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", " =", "\uff1d", "\uff20"])
def test_a_formula_is_written_as_text(tmp_path, start):
    evil = f"{start}HYPERLINK(1)"
    write_csv(make_comparison(name=evil), tmp_path / "out.csv")
    row = read(tmp_path / "out.csv")[0]
    assert row["condition"] == f"'{evil}"
    assert row["verdict_condition"] == f"'{evil}"


def test_a_lone_carriage_return_cannot_break_a_row(tmp_path):
    write_csv(make_comparison(name="\r=1\r\nend"), tmp_path / "out.csv")
    assert {row["condition"] for row in read(tmp_path / "out.csv")} == {"'\n=1\nend"}


@pytest.mark.parametrize("value", ["plain", "a=b", "", None, -3, -0.5, True])
def test_other_cells_stay_as_they_are(value):
    assert safe_cell(value) is value


def test_each_row_says_what_readers_said_of_its_study(tmp_path):
    comparison = review_words.make_comparison()
    reviews, bank = review_words.make_reviews(comparison), ring_bank()
    other = compare_embedding(bank.embeddings[0], make_scan(make_scan().array + 1), bank, k=3)
    write_csv([comparison, other], tmp_path / "out.csv", reviews=reviews)
    rows = read(tmp_path / "out.csv")
    of_comparison, of_other = rows[:3], rows[3:]
    for row in of_comparison:
        first, second, third = row["reviews"].splitlines()
        assert first.startswith("1. ada, 2026-11-30 09:01 UTC: plausible, withdrawn (case case-")
        assert second.endswith("withdrew 1")
        assert third.endswith("none of these: =odd")
    assert "study" not in of_comparison[0]["reviews"]
    assert [row["reviews"] for row in of_other] == ["", "", ""]


def test_no_identifier_in_the_table(tmp_path):
    comparison = make_comparison(patient_id="SECRET-17", warnings=("SECRET-17 is odd",))
    write_csv(comparison, tmp_path / "out.csv")
    assert "SECRET" not in (tmp_path / "out.csv").read_text("utf-8")
    assert read(tmp_path / "out.csv")[0]["query_patient_id"] == comparison.query.patient


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        write_csv(make_comparison(), tmp_path)


def test_an_old_file_survives_a_failure(tmp_path):
    path = tmp_path / "out.csv"
    write_csv(make_comparison(), path)
    before = path.read_bytes()
    broken = replace(make_comparison(), bank_name="\udcff")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        write_csv(broken, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
