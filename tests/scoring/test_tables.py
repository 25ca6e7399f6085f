from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from medsiam import Comparison, score_folder
from medsiam.errors import OutputError
from medsiam.scoring.schema import NAMES, parquet_schema
from medsiam.scoring.tables import TABLES, write_tables
from tests.scoring.conftest import read_csv


def test_three_tables_have_the_same_content(finished):
    out, _ = finished
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    from_json = [json.loads(line) for line in lines]
    from_parquet = pq.read_table(out / "results.parquet").to_pylist()
    assert from_parquet == from_json
    as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in from_json]
    assert read_csv(out / "results.csv") == as_text
    assert all(list(row) == list(NAMES) for row in from_json)


def test_a_row_per_match_and_one_for_each_series_without(finished, phantom_bank, incoming):
    out, _ = finished
    rows = read_csv(out / "results.csv")
    scored = [row for row in rows if row["outcome"] == "scored"]
    expected = [
        (match.rank, match.case_id, match.distance)
        for outcome in score_folder(incoming, phantom_bank, k=2)
        if isinstance(outcome, Comparison)
        for match in outcome.matches
    ]
    found = [(int(row["rank"]), row["case_id"], float(row["distance"])) for row in scored]
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert [one[2] for one in found] == pytest.approx([one[2] for one in expected], abs=1e-6)
    others = [row["code"] for row in rows if row["outcome"] != "scored"]
    assert sorted(others) == ["other_dimension", "other_dimension", "truncated_pixels"]
    assert all("Not a medical device" in row["research_use"] for row in rows)


def test_types_do_not_depend_on_what_is_in_it(finished, tmp_path):
    out, _ = finished
    write_tables([], tmp_path)
    for folder in (out, tmp_path):
        assert pq.read_schema(folder / "results.parquet").equals(parquet_schema())
    assert pq.read_table(tmp_path / "results.parquet").num_rows == 0
    assert (tmp_path / "results.csv").read_text() == ",".join(NAMES) + "\n"
    assert (tmp_path / "results.jsonl").read_text() == ""


def test_many_rows_are_written_piece_by_piece(finished, tmp_path):
    _, told = finished
    parts = [part for part, _ in told] * 700
    write_tables(parts, tmp_path)
    n_rows = sum(len(part.rows) for part in parts)
    assert n_rows > 4000
    assert pq.read_metadata(tmp_path / "results.parquet").num_rows == n_rows
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == n_rows
    assert [row["query"] for row in read_csv(tmp_path / "results.csv")] == [
        row["query"] for part in parts for row in part.rows
    ]


def test_older_tables_stay_where_new_ones_cannot_be_written(finished, tmp_path):
    _, told = finished

    def parts():
        yield from (part for part, _ in told)
        raise OSError(28, "No space left on device")

    for name in TABLES:
        (tmp_path / name).write_text("old")
    with pytest.raises(OutputError, match="No space left on device"):
        write_tables(parts(), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        TABLES, "old"
    )
