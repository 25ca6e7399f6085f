from __future__ import annotations

import numpy as np
import pytest

from medsiam.errors import UsageError
from medsiam.scans import index_folder
from medsiam.scoring import named_series, run_scoring
from medsiam.scoring.manifest import each_file_once, manifest_rows, read_manifest
from tests.scans.written import write_stack
from tests.scoring.conftest import TWO, read_csv


def test_it_accounts_for_every_file_once(finished, incoming):
    out, _ = finished
    rows = read_csv(out / "manifest.csv")
    on_disk = sorted(str(p.relative_to(incoming)) for p in incoming.rglob("*") if p.is_file())
    assert [row["path"] for row in rows] == on_disk
    by_path = {row["path"]: row for row in rows}
    assert by_path["EMPTY"]["code"] == "empty_file"
    assert all(row["outcome"] in {"scored", "skipped", "failed"} for row in rows)
    assert all(row["message"] for row in rows if row["outcome"] != "scored")
    assert read_manifest(out) == rows


def test_it_says_which_files_a_series_is(finished, incoming, phantom_bank):
    out, told = finished
    rows = read_manifest(out)
    for named in named_series(index_folder(incoming), phantom_bank):
        files = {row["path"] for row in rows if row["series"] == named.name}
        assert files == {str(file.relative_to(incoming)) for file in named.found.files}
    assert {row["series"] for row in rows} - {""} == {part.series for part, _ in told}


def test_only_its_owner_may_read_it(finished):
    out, _ = finished
    assert (out / "manifest.csv").stat().st_mode & 0o077 == 0


def test_a_duplicate_slice_is_named_as_not_used(phantom_bank, tmp_path):
    files = write_stack(
        tmp_path / "in", np.random.default_rng(1).integers(0, 99, (9, 12, 12), np.int16)
    )
    (tmp_path / "in" / "zz_copy").write_bytes(files[0].read_bytes())
    run_scoring(index_folder(tmp_path / "in"), phantom_bank, tmp_path / "out", limits=TWO)
    by_code = {row["code"]: row["path"] for row in read_manifest(tmp_path / "out")}
    assert set(by_code) == {"", "not_used"}


def test_of_several_series_in_a_file_the_best_counts():
    rows = [
        {"path": "b", "series": "1", "outcome": "skipped"},
        {"path": "b", "series": "2", "outcome": "failed"},
        {"path": "b", "series": "3", "outcome": "scored"},
        {"path": "b", "series": "4", "outcome": "scored"},
        {"path": "a", "series": "5", "outcome": "skipped"},
    ]
    assert [row["series"] for row in each_file_once(rows)] == ["5", "3"]


def test_names_that_are_no_text_are_written_all_the_same(phantom_bank, tmp_path):
    (tmp_path / b"caf\xe9.txt".decode("utf-8", "surrogateescape")).write_bytes(b"junk")
    (row,) = manifest_rows(index_folder(tmp_path), phantom_bank, [], {}.__getitem__)
    assert row["path"] == "caf\\xe9.txt"


def test_what_is_no_manifest(tmp_path):
    with pytest.raises(UsageError):
        read_manifest(tmp_path)
    (tmp_path / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError):
        read_manifest(tmp_path)
