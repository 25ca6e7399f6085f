from __future__ import annotations

import csv
import json

import pyarrow.parquet as pq
import pytest

from medsiam import Comparison, score_folder
from medsiam.errors import OutputError
from medsiam.scans import index_folder
from medsiam.scoring import write_results


@pytest.fixture(scope="module")
def run(phantom_bank, incoming, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    outcomes = list(score_folder(incoming, phantom_bank, k=2))
    write_results(outcomes, index_folder(incoming), out)
    return out, outcomes


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_three_tables_have_the_same_content(run):
    out, _ = run
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    from_json = [json.loads(line) for line in lines]
    from_parquet = pq.read_table(out / "results.parquet").to_pylist()
    assert from_parquet == from_json
    as_text = [{k: "" if v is None else str(v) for k, v in row.items()} for row in from_json]
    assert read_csv(out / "results.csv") == as_text


def test_a_row_per_match_and_one_for_each_series_without(run):
    out, outcomes = run
    rows = read_csv(out / "results.csv")
    scored = [row for row in rows if row["outcome"] == "scored"]
    expected = [
        (match.rank, match.case_id, match.distance)
        for outcome in outcomes
        if isinstance(outcome, Comparison)
        for match in outcome.matches
    ]
    found = [(int(row["rank"]), row["case_id"], float(row["distance"])) for row in scored]
    assert found == expected
    others = [row["code"] for row in rows if row["outcome"] != "scored"]
    assert sorted(others) == ["other_dimension", "other_dimension", "truncated_pixels"]
    assert all("Not a medical device" in row["research_use"] for row in rows)


def test_the_manifest_accounts_for_every_file_once(run, incoming):
    out, _ = run
    rows = read_csv(out / "manifest.csv")
    on_disk = sorted(str(p.relative_to(incoming)) for p in incoming.rglob("*") if p.is_file())
    assert [row["path"] for row in rows] == on_disk
    by_path = {row["path"]: row for row in rows}
    assert by_path["EMPTY"]["code"] == "empty_file"
    assert all(row["outcome"] in {"scored", "skipped", "failed"} for row in rows)
    assert all(row["message"] for row in rows if row["outcome"] != "scored")


def test_a_run_that_ended_early_still_names_every_file(run, incoming, tmp_path):
    _, outcomes = run
    write_results(outcomes[:1], index_folder(incoming), tmp_path)
    rows = read_csv(tmp_path / "manifest.csv")
    assert len(rows) == sum(p.is_file() for p in incoming.rglob("*"))
    assert any(row["code"] == "not_used" for row in rows)


def test_an_output_folder_that_cannot_be_made(run, incoming, tmp_path):
    _, outcomes = run
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_results(outcomes, index_folder(incoming), tmp_path / "file")


def test_names_that_are_no_text_are_written_all_the_same(phantom_bank, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / b"caf\xe9.txt".decode("utf-8", "surrogateescape")).write_bytes(b"junk")
    write_results([], index_folder(folder), tmp_path / "out")
    (row,) = read_csv(tmp_path / "out" / "manifest.csv")
    assert row["path"] == "caf\\xe9.txt"
