"""Runs that go through, are repeated, changed, killed, or find no room."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from medsiam.errors import LockedError, OutputError, UsageError
from medsiam.phantoms import write_incoming
from medsiam.scans import index_folder
from medsiam.scoring import Limits, Question, read_run, run_scoring
from medsiam.scoring.finishing import RESULTS
from medsiam.scoring.lock import RunLock
from tests.conftest import PHANTOM_CONDITIONS
from tests.scans.written import write_nifti
from tests.scoring.conftest import TWO, read_csv
from tests.small_disk import mounted

ROOT = Path(__file__).parents[2]


def score(folder, bank, out, **options):
    """(counts, names that were done anew)"""
    new = []

    def seen(part, known):
        if not known:
            new.append(part.series)

    question = options.pop("question", Question(k=2))
    limits = options.pop("limits", TWO)
    counts = run_scoring(
        index_folder(folder), bank, out, question, limits=limits, seen=seen, **options
    )
    assert counts.n_new == len(new)
    return counts, new


def table(out):
    rows = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "created"} for row in rows]


def contents(out):
    return {path.name: path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.fixture
def copy(finished, tmp_path):
    out, _ = finished
    return shutil.copytree(out, tmp_path / "copy")


def test_each_series_is_told_once_and_kept(finished):
    out, told = finished
    counts = Counter(part.outcome for part, known in told if not known)
    assert counts == {"scored": 2, "skipped": 2, "failed": 1}
    assert len(list((out / "parts").iterdir())) == 5
    assert all((out / name).is_file() for name in RESULTS)
    assert not (out / "run.lock").exists()


def test_twice_does_nothing_twice(copy, phantom_bank, incoming):
    before = contents(copy)
    for resume in (False, True):
        counts, new = score(incoming, phantom_bank, copy, resume=resume)
        assert new == []
        assert counts.outcomes == {"scored": 2, "skipped": 2, "failed": 1}
        assert contents(copy) == before


def test_a_changed_series_alone_is_done_anew(finished, phantom_bank, incoming, tmp_path):
    folder = shutil.copytree(incoming, tmp_path / "in")
    out = tmp_path / "out"
    score(folder, phantom_bank, out)
    scored = next(row for row in read_csv(out / "manifest.csv") if row["outcome"] == "scored")
    path = folder / scored["path"]
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-5] ^= 1  # same size, same time of change
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = table(out)
    _, new = score(folder, phantom_bank, out)
    assert new == [scored["series"]]
    assert table(out) != before
    assert {row["query"] for row in table(out)} == {row["query"] for row in before}


def test_a_new_series_alone_is_done_in_a_folder_that_grew(phantom_bank, incoming, tmp_path):
    folder = shutil.copytree(incoming, tmp_path / "in")
    score(folder, phantom_bank, tmp_path / "out")
    volume = np.random.default_rng(2).integers(0, 99, (9, 9, 9)).astype(np.int16)
    write_nifti(folder / "0000.nii", volume)
    _, new = score(folder, phantom_bank, tmp_path / "out")
    assert len(new) == 1
    score(folder, phantom_bank, tmp_path / "fresh")
    assert table(tmp_path / "out") == table(tmp_path / "fresh")


def test_other_settings_are_another_run(copy, phantom_bank, incoming):
    with pytest.raises(UsageError, match="differs in settings"):
        score(incoming, phantom_bank, copy, question=Question(k=1), resume=True)
    _, new = score(incoming, phantom_bank, copy, question=Question(k=1))
    assert len(new) == 5
    assert len(table(copy)) == 5


def test_results_do_not_go_into_what_is_scored(phantom_bank, incoming, tmp_path):
    with pytest.raises(UsageError, match="lies in the folder that is scored"):
        score(incoming, phantom_bank, incoming / "out")
    assert not (incoming / "out").exists()


def test_what_a_killed_run_left_half_written_goes_and_nothing_else(copy, phantom_bank, incoming):
    halves = [copy / ".results.csv.x1", copy / "parts" / ".0a.jsonl.x2", copy / ".run.json.x3"]
    for path in (*halves, copy / ".precious"):
        path.write_text("x")
    score(incoming, phantom_bank, copy)
    assert not any(path.exists() for path in halves)
    assert (copy / ".precious").exists()


def test_nothing_to_resume_is_said(phantom_bank, incoming, tmp_path):
    with pytest.raises(UsageError, match="no run to resume"):
        score(incoming, phantom_bank, tmp_path / "out", resume=True)


def test_results_of_another_folder_are_replaced_whole(copy, phantom_bank, tmp_path):
    folder = tmp_path / "other"
    write_incoming(
        folder, spatial_dims=3, conditions=PHANTOM_CONDITIONS, n_patients=1, random_state=9
    )
    score(folder, phantom_bank, copy)
    score(folder, phantom_bank, tmp_path / "fresh")
    assert table(copy) == table(tmp_path / "fresh")
    assert {p.name for p in (copy / "parts").iterdir()} == {
        p.name for p in (tmp_path / "fresh" / "parts").iterdir()
    }


def test_while_it_runs_there_are_no_tables_and_what_is_known_can_be_read(
    copy, phantom_bank, incoming
):
    seen = []

    def look(part, known):
        run = read_run(copy)
        seen.append((run.state, len(run.series), (copy / "results.csv").exists()))
        assert run.n_expected == 5

    shutil.rmtree(copy / "parts")
    run_scoring(index_folder(incoming), phantom_bank, copy, Question(k=2), limits=TWO, seen=look)
    assert seen == [("started", n, False) for n in range(1, 6)]
    assert read_run(copy).state == "finished"


def test_pages_are_named_like_their_series(phantom_bank, incoming, copy):
    _, new = score(incoming, phantom_bank, copy, reports=True)
    scored = {row["query"] for row in table(copy) if row["outcome"] == "scored"}
    assert {page.stem for page in (copy / "reports").iterdir()} == scored == set(new)
    _, new = score(incoming, phantom_bank, copy, reports=True)
    assert new == []


def test_a_lost_part_is_done_again(copy, phantom_bank, incoming):
    before = table(copy)
    lost = next(row["query"] for row in before if row["outcome"] == "scored")
    (copy / "parts" / f"{lost}.jsonl").write_text("{")
    _, new = score(incoming, phantom_bank, copy)
    assert new == [lost]
    assert table(copy) == before


def test_what_failed_by_its_limits_is_tried_again_with_others(phantom_bank, tmp_path, monkeypatch):
    from medsiam.scans import worker
    from tests.scans.written import write_stack

    monkeypatch.setattr(worker, "SECONDS_PER_FILE", 0.0)
    write_stack(tmp_path / "in", np.zeros((900, 16, 16), np.int16))
    short = Limits(workers=1, wall_seconds=0.1)
    counts, _ = score(tmp_path / "in", phantom_bank, tmp_path / "out", limits=short)
    assert counts.outcomes == {"failed": 1}
    assert table(tmp_path / "out")[0]["code"] == "timed_out"
    _, new = score(tmp_path / "in", phantom_bank, tmp_path / "out", limits=short)
    assert new == []
    longer = Limits(workers=1, wall_seconds=60)
    counts, _ = score(tmp_path / "in", phantom_bank, tmp_path / "out", limits=longer)
    assert counts.outcomes == {"scored": 1}


def test_a_locked_folder_is_left_alone(copy, phantom_bank, incoming):
    before = contents(copy)
    with RunLock(copy), pytest.raises(LockedError):
        score(incoming, phantom_bank, copy)
    assert contents(copy) == before


def test_another_kind_of_scan_is_skipped_by_its_header(phantom_bank, incoming, tmp_path):
    import pydicom

    folder = shutil.copytree(incoming, tmp_path / "in")
    for path in folder.rglob("IM*"):
        data = pydicom.dcmread(path)
        data.Modality = "PT"
        data.save_as(path)
    counts, _ = score(folder, phantom_bank, tmp_path / "out")
    assert set(counts.outcomes) == {"skipped"}
    said = {(row["code"], row["message"]) for row in table(tmp_path / "out")}
    assert any(code == "out_of_scope" and "The scan is PT" in text for code, text in said)


def start(folder, bank, out, *options):
    words = ["score", str(folder), "--bank", str(bank.path), "--out", str(out), "-k", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", "medsiam", *words, "--workers", "2", *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def larger(tmp_path_factory, phantom_bank):
    """A folder of thirty volumes, and what an uninterrupted run makes of it."""
    folder = tmp_path_factory.mktemp("larger")
    write_incoming(
        folder / "in", spatial_dims=3, conditions=PHANTOM_CONDITIONS, n_patients=15, random_state=5
    )
    score(folder / "in", phantom_bank, folder / "whole")
    return folder / "in", folder / "whole"


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("n_kept", [1, 9, 20])
def test_after_a_kill_the_rest_alone_is_done_and_tables_are_the_same(
    larger, phantom_bank, tmp_path, n_kept
):
    folder, whole = larger
    out = tmp_path / "out"
    with start(folder, phantom_bank, out) as process:
        wait_for(lambda: len(list(out.glob("parts/*.jsonl"))) >= n_kept)
        process.send_signal(signal.SIGKILL)
    kept = {path.stem for path in out.glob("parts/*.jsonl")}
    assert read_run(out).state == "started"
    _, new = score(folder, phantom_bank, out, resume=True)
    assert not kept & set(new)  # what was known is never done again
    assert len(kept) + len(new) == len(table(whole)) // 2 + 1 == 31
    assert table(out) == table(whole)
    assert read_csv(out / "manifest.csv") == read_csv(whole / "manifest.csv")
    assert not list(out.rglob(".*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_five_seconds_and_it_goes_on(
    larger, phantom_bank, tmp_path, number
):
    folder, whole = larger
    out = tmp_path / "out"
    with start(folder, phantom_bank, out) as process:
        wait_for(lambda: len(list(out.glob("parts/*.jsonl"))) >= 3)
        process.send_signal(number)
        began = time.monotonic()
        _, said = process.communicate(timeout=30)
    is_crowded = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    assert time.monotonic() - began < (20 if is_crowded else 5)
    assert process.returncode == 130
    assert "with --resume goes on" in said
    assert "Traceback" not in said
    assert not (out / "run.lock").exists()
    score(folder, phantom_bank, out, resume=True)
    assert table(out) == table(whole)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk", "size=160k") as disk:
        yield disk


def test_a_full_disk_is_one_line_and_room_is_all_it_takes(larger, phantom_bank, small_disk):
    folder, whole = larger
    out = small_disk / "out"
    with pytest.raises(OutputError, match="No space left on device"):
        score(folder, phantom_bank, out)
    kept = {path.stem for path in out.glob("parts/*.jsonl")}
    assert kept
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    _, new = score(folder, phantom_bank, out, resume=True)
    assert not kept & set(new)
    assert table(out) == table(whole)
