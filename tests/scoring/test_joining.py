from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import pytest

from medsiam.errors import LockedError, UsageError
from medsiam.scans import index_folder
from medsiam.scoring import Question, named_series
from medsiam.scoring.joining import joined
from medsiam.scoring.lock import RunLock
from medsiam.scoring.run_state import new_state, read_state


@pytest.fixture
def run(finished, phantom_bank, incoming, tmp_path):
    """A copy of a finished run, what a watcher of it would say, and the series of its folder."""
    out = shutil.copytree(finished[0], tmp_path / "out")
    counts = {"shard": None, "tree": "", "n_series": 5, "n_files": 9}
    state = new_state(phantom_bank, Question(k=2), incoming, **counts)
    return out, state, named_series(index_folder(incoming), phantom_bank)


def parts(out):
    return {path.name for path in (out / "parts").iterdir()}


def test_what_is_known_of_the_same_run_stays_and_rests_go(run):
    out, state, series = run
    (out / "claims").mkdir()
    for rest in ("claims/0a", ".results.csv.x", "parts/.0a.jsonl.x"):
        (out / rest).write_text("x")
    before = parts(out) - {".0a.jsonl.x"}
    shutil.copy(out / "parts" / next(iter(before)), out / "parts" / "of-nobody.jsonl")
    with joined(out, state, series, resume=True):
        assert parts(out) == before
        assert (out / "results.csv").exists()
        assert not list((out / "claims").iterdir())
        assert not (out / ".results.csv.x").exists()
        assert read_state(out).state == "started"


def test_another_run_is_replaced_unless_others_are_at_it(run):
    out, state, series = run
    other = replace(state, question={"k": 9})
    with joined(out, state, series, resume=False):
        before = parts(out)
        with (
            pytest.raises(UsageError, match="told something else: it differs in settings"),
            joined(out, other, series, resume=False),
        ):
            pass
        with joined(out, state, series, resume=False):
            assert parts(out) == before
    with (
        pytest.raises(UsageError, match="holds another run"),
        joined(out, other, series, resume=True),
    ):
        pass
    assert parts(out) == before
    with joined(out, other, series, resume=False):
        assert parts(out) == set()
        assert not (out / "results.csv").exists()


def test_a_run_that_shares_nothing_is_waited_for_a_moment(run):
    out, state, series = run
    lock = RunLock(out)
    with lock:
        threading.Timer(0.5, lambda: lock.__exit__(None, None, None)).start()
        with joined(out, state, series, resume=False):
            pass
    with RunLock(out), pytest.raises(LockedError), joined(out, state, series, resume=False):
        pass
