from __future__ import annotations

import csv
import json
import shutil

import pytest

from medsiam.scans import index_folder
from medsiam.scoring import Question, named_series
from medsiam.scoring.claims import Claims
from medsiam.scoring.refreshing import Refreshing
from medsiam.scoring.run_state import new_state, read_state
from tests.scans.written import write_nifti


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def out(finished, tmp_path):
    return shutil.copytree(finished[0], tmp_path / "out")


@pytest.fixture
def make(out, phantom_bank, incoming):
    counts = {"shard": None, "tree": "", "n_series": 5, "n_files": 9}
    state = new_state(phantom_bank, Question(k=2), incoming, **counts)
    with Claims(out, print) as claims:
        yield lambda clock: Refreshing(
            out, state, phantom_bank, claims, with_pages=False, clock=clock
        )


def queries(out):
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return list(dict.fromkeys(row["query"] for row in rows))


def files(out):
    with (out / "manifest.csv").open(newline="") as stream:
        return {row["path"]: row["series"] for row in csv.DictReader(stream)}


def test_it_is_done_when_something_is_new_and_seldom_while_series_wait(
    make, out, phantom_bank, incoming
):
    index = index_folder(incoming)
    series = named_series(index, phantom_bank)
    names = [named.name for named in series]
    clock = Clock()
    refreshing = make(clock)
    assert refreshing.go(index, series, frozenset(), busy=False)
    assert not refreshing.go(index, series, frozenset(), busy=False)
    assert not refreshing.go(index, series, frozenset(names[:2]), busy=True)
    assert refreshing.go(index, series, frozenset(names[:2]), busy=False)
    clock.now = 61.0
    assert refreshing.go(index, series, frozenset(names), busy=True)
    assert queries(out) == names
    refreshing.begin()
    assert read_state(out).state == "started"
    assert refreshing.go(index, series, frozenset(names), busy=False)
    assert read_state(out).state == "finished"
    again = index_folder(incoming)  # another look, and nothing is settled that was not before
    assert not refreshing.go(again, series, frozenset(names), busy=False)
    clock.now = 122.0
    assert refreshing.go(again, series, frozenset(names), busy=False)


def test_what_cannot_be_told_from_the_folder_is_taken_from_before(
    make, out, phantom_bank, incoming, tmp_path
):
    before = files(out)
    folder = shutil.copytree(incoming, tmp_path / "in")
    gone = next(name for path, name in sorted(before.items()) if name)
    paths = [path for path, name in before.items() if name == gone]
    for path in paths:
        (folder / path).unlink()
    import numpy as np

    write_nifti(folder / "new.nii", np.zeros((9, 9, 9), np.int16))  # not scored yet
    index = index_folder(folder)
    series = named_series(index, phantom_bank)
    settled = frozenset(named.name for named in series if named.name in set(before.values()))
    assert make(Clock()).go(index, series, settled, busy=False)
    assert queries(out) == [named.name for named in series if named.name in settled] + [gone]
    assert files(out) == before
    assert read_state(out).n_series == 6


def test_a_series_whose_files_make_another_one_now_is_left_out(
    make, out, phantom_bank, incoming, tmp_path
):
    before = files(out)
    folder = shutil.copytree(incoming, tmp_path / "in")
    index = index_folder(folder)
    known = {name for name in before.values() if name}
    grown = next(named for named in named_series(index, phantom_bank) if len(named.files) > 2)
    first = min(grown.files)
    first.rename(folder / "gone")
    (folder / "gone").unlink()
    index = index_folder(folder)
    series = named_series(index, phantom_bank)
    settled = frozenset(named.name for named in series if named.name in known)
    assert make(Clock()).go(index, series, settled, busy=False)
    assert set(queries(out)) == known - {grown.name}


def test_one_watcher_at_a_time(make, out, phantom_bank, incoming):
    index = index_folder(incoming)
    series = named_series(index, phantom_bank)
    refreshing = make(Clock())
    with Claims(out, print) as other:
        assert other.take("results")
        assert not refreshing.go(index, series, frozenset(), busy=False)
        other.release("results")
        assert refreshing.go(index, series, frozenset(), busy=False)
