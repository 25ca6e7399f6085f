from __future__ import annotations

import pytest

from medsiam.errors import OutputError, UsageError
from medsiam.scoring.output import prepare_output, remove_rests


def test_it_is_made_before_any_work_and_not_in_what_is_scored(tmp_path):
    out = prepare_output(tmp_path / "a" / "out", tmp_path / "in")
    assert (out / "parts").is_dir()
    with pytest.raises(UsageError, match="lies in the folder that is scored"):
        prepare_output(tmp_path / "in" / "out", tmp_path / "in")
    assert not (tmp_path / "in").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot make the folder"):
        prepare_output(tmp_path / "file", tmp_path / "in")


def test_half_written_files_go_and_nothing_else(tmp_path):
    out = prepare_output(tmp_path / "out", tmp_path / "in")
    (out / "reports").mkdir()
    halves = [".results.csv.x1", "parts/.0a.jsonl.x2", ".run.json.x3", "reports/.0a.html.x4"]
    whole = ["results.csv", "parts/0a.jsonl", ".precious"]
    for name in (*halves, *whole):
        (out / name).write_text("x")
    remove_rests(out)
    assert not any((out / name).exists() for name in halves)
    assert all((out / name).exists() for name in whole)
