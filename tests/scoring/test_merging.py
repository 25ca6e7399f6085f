"""The union of shards is what one run over all would have written."""

from __future__ import annotations

import json
import shutil

import pyarrow.parquet as pq
import pytest

from medsiam.errors import OutputError, UsageError
from medsiam.scans import index_folder
from medsiam.scoring import Question, Shard, merge_runs, read_run, run_scoring
from tests.scoring.conftest import TWO, read_csv


@pytest.fixture(scope="module")
def shards(phantom_bank, incoming, tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    for number in (1, 2, 3):
        run_scoring(
            index_folder(incoming),
            phantom_bank,
            root / str(number),
            Question(k=2),
            limits=TWO,
            shard=Shard(number, 3),
        )
    return [root / str(number) for number in (1, 2, 3)]


def rows(path):
    found = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "created"} for row in found]


def test_the_union_of_shards_is_the_whole(shards, finished, tmp_path):
    whole, _ = finished
    merge_runs(shards[::-1], tmp_path / "out")
    assert rows(tmp_path / "out") == rows(whole)
    assert read_csv(tmp_path / "out/manifest.csv") == read_csv(whole / "manifest.csv")
    assert pq.read_table(tmp_path / "out/results.parquet").num_rows == len(rows(whole))
    run = read_run(tmp_path / "out")
    assert run.state == "finished"
    assert run.counts == read_run(whole).counts


def test_each_file_and_series_is_in_one_shard(shards, finished):
    whole, _ = finished
    paths = [row["path"] for shard in shards for row in read_csv(shard / "manifest.csv")]
    assert sorted(paths) == [row["path"] for row in read_csv(whole / "manifest.csv")]
    assert sum(len(read_run(shard).series) for shard in shards) == len(read_run(whole).series)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ([], "name the outputs"),
        ([0, 1], "missing shards: 3/3"),
        ([1], "missing shards: 1/3, 3/3"),
    ],
)
def test_shards_that_are_not_all(shards, tmp_path, chosen, said):
    with pytest.raises(UsageError, match=said):
        merge_runs([shards[n] for n in chosen], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_other_runs_are_refused(shards, finished, phantom_bank, incoming, tmp_path):
    whole, _ = finished
    with pytest.raises(UsageError, match="having no shard"):
        merge_runs([*shards, whole], tmp_path / "out")
    with pytest.raises(UsageError, match="no output"):
        merge_runs([*shards, tmp_path], tmp_path / "out")
    other = tmp_path / "other"
    run_scoring(
        index_folder(incoming), phantom_bank, other, Question(k=1), limits=TWO, shard=Shard(3, 3)
    )
    with pytest.raises(UsageError, match="differs in settings"):
        merge_runs([*shards[:2], other], tmp_path / "out")


def test_each_computer_may_see_the_folder_elsewhere_but_the_same_files(
    shards, finished, phantom_bank, incoming, tmp_path
):
    copy = shutil.copytree(incoming, tmp_path / "mounted")

    def third(name):
        out = tmp_path / name
        index = index_folder(copy)
        run_scoring(index, phantom_bank, out, Question(k=2), limits=TWO, shard=Shard(3, 3))
        return out

    merge_runs([*shards[:2], third("elsewhere")], tmp_path / "out")
    assert rows(tmp_path / "out") == rows(finished[0])
    (copy / "late.txt").write_text("came while the others were at work")
    with pytest.raises(UsageError, match="differs in the files of the folder"):
        merge_runs([*shards[:2], third("late")], tmp_path / "out2")


def test_a_folder_that_holds_something_is_left_alone(shards, tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(OutputError, match="holds something"):
        merge_runs(shards, tmp_path)
