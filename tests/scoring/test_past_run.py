"""What is read of a run is what `medsiam score` really wrote, without paths."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections import Counter

import pytest

from medsiam.cli import main
from medsiam.errors import UsageError
from medsiam.scoring import list_runs, read_run


@pytest.fixture(scope="module")
def out(phantom_bank, incoming, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batches") / "monday"
    arguments = ["score", str(incoming), "--bank", str(phantom_bank.path), "--out", str(folder)]
    assert main([*arguments, "-k", "2"]) == 4  # one series is damaged
    return folder


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_series_is_told_once_with_its_nearest_match(out, phantom_bank):
    run = read_run(out)
    rows = [row for row in rows_of(out / "results.csv") if row["rank"] in ("", "1")]
    assert [one.outcome for one in run.series] == [row["outcome"] for row in rows]
    assert [one.number for one in run.series] == list(range(1, len(rows) + 1))
    for one, row in zip(run.series, rows, strict=True):
        if row["outcome"] == "scored":
            assert (one.condition, one.case_id) == (row["condition"], row["case_id"])
            assert one.distance == float(row["distance"])
            assert one.verdict == row["verdict"]
            assert one.judged == float(row["verdict_distance"])
            assert row["query_hash"].startswith(one.content)
        else:
            assert one.code == row["code"]
        assert one.name == row["query"]
    assert {one.name for one in run.series} == {
        row["series"] for row in rows_of(out / "manifest.csv")
    } - {""}
    assert run.state == "finished"
    assert run.bank == f"{phantom_bank.name}, version {phantom_bank.version}"
    assert run.encoder_fingerprint == phantom_bank.encoder_card.fingerprint
    assert {path.name for path in run.files} == {
        "results.csv", "results.jsonl", "results.parquet", "manifest.csv", "summary.html"
    }  # fmt: skip


def test_counts_are_those_of_the_tables(out):
    run = read_run(out)
    series = Counter(row["outcome"] for row in rows_of(out / "results.csv") if row["rank"] != "2")
    assert run.counts == {word: series[word] for word in ("scored", "skipped", "failed")}
    assert run.counts["scored"] == 2
    files = Counter(row["outcome"] for row in rows_of(out / "manifest.csv"))
    assert dict(run.n_files) == dict(files)


def test_reasons_are_sentences_and_no_path_is_told(out, incoming):
    run = read_run(out)
    failed = [one for one in run.series if one.outcome == "failed"]
    assert [one.code for one in failed] == ["truncated_pixels"]
    assert "part of the picture is missing" in failed[0].reason
    assert all(one.reason for one in run.series if one.outcome == "skipped")
    said = " ".join(str(one) for one in run.series)
    for row in rows_of(out / "manifest.csv"):
        assert row["path"] not in said
    assert str(incoming) not in said


def test_names_in_paths_and_messages_stay_in_the_files(out, tmp_path):
    copy = shutil.copytree(out, tmp_path / "copy")
    lines = (copy / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["query"] = f"PLANTED^NAME/{row['query']}"
        row["series_uid"] = "PLANTED-UID"
        if row["outcome"] == "failed":
            row["message"] = f"/in/PLANTED^NAME/x.dcm: {row['message']}"
    (copy / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "PLANTED" not in str(read_run(copy))


def test_runs_are_found_at_and_below_a_folder_the_newest_first(out, tmp_path):
    for name, age in (("old", 1000), ("deep/new", 10)):
        copy = shutil.copytree(out, tmp_path / name)
        for path in copy.iterdir():
            os.utime(path, (2_000_000_000 - age, 2_000_000_000 - age))
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(out)
    assert list_runs(tmp_path) == (tmp_path / "deep" / "new", tmp_path / "old")
    assert list_runs(out) == (out,)
    with pytest.raises(UsageError, match="no such folder"):
        list_runs(tmp_path / "none")


def test_tables_older_than_a_figure_are_read_without_it(out, tmp_path):
    lines = (out / "results.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row.pop("verdict_distance")
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert all(one.judged is None for one in read_run(tmp_path).series)


def test_of_a_run_that_was_interrupted_what_is_known_is_told(out, tmp_path):
    copy = shutil.copytree(out, tmp_path / "live")
    for name in ("results.csv", "results.jsonl", "results.parquet", "manifest.csv"):
        (copy / name).unlink()
    state = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(state | {"state": "started", "finished": None}))
    whole = read_run(out)
    gone = next(path for path in (copy / "parts").iterdir() if "dumbbell" in path.read_text())
    gone.unlink()
    run = read_run(copy)
    assert (run.state, run.n_expected, len(run.series)) == ("started", 5, 4)
    known = {(one.outcome, one.content, one.code) for one in whole.series}
    assert {(one.outcome, one.content, one.code) for one in run.series} < known
    assert list_runs(tmp_path) == (copy,)
    assert run.bank == whole.bank


def test_a_manifest_alone_is_a_run_that_was_started(out, tmp_path):
    shutil.copy(out / "manifest.csv", tmp_path)
    run = read_run(tmp_path)
    assert (run.state, run.series, run.bank) == ("started", (), None)
    assert sum(run.n_files.values()) > 0


@pytest.mark.parametrize("content", ["{", "[1]", '{"outcome": "scored"}', "\x00"])
def test_a_damaged_table_is_one_sentence(tmp_path, content):
    (tmp_path / "results.jsonl").write_text(content)
    with pytest.raises(UsageError, match="cannot be read"):
        read_run(tmp_path)


def test_another_folder_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="no output of `medsiam score`"):
        read_run(tmp_path)
