"""Run folders as `train` really leaves them, read again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from medsiam.errors import UsageError
from medsiam.training import list_run_folders, read_run_record, train
from tests.training.shapes import tiny_config, write_cases


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    return train(tiny_config(write_cases(folder)), out=folder / "runs" / "a", progress=False)


def without_encoder(run, target: Path, *, written: float) -> Path:
    """The folder as it was before the encoder was written."""
    copy = shutil.copytree(run.folder, target)
    shutil.rmtree(copy / "encoder")
    for path in copy.rglob("*"):
        if path.is_file():
            os.utime(path, (written, written))
    return copy


def test_a_finished_run_is_read_as_it_was_written(run):
    record = read_run_record(run.folder)
    assert record.state == "finished"
    assert [epoch["epoch"] for epoch in record.epochs] == [1, 2]
    for epoch in record.epochs:
        assert {"loss", "validation_score", "learning_rate"} <= epoch.keys()
    assert record.best_epoch == run.best_epoch
    assert tomllib.loads(record.config)["run"]["name"] == "tiny"
    assert record.environment["seed"] == tiny_config(Path("x")).run.seed


def test_without_an_encoder_the_last_writing_tells_whether_it_runs(run, tmp_path):
    folder = without_encoder(run, tmp_path / "b", written=1_000_000.0)
    assert read_run_record(folder, now=1_000_060.0).state == "running"
    assert read_run_record(folder, now=1_000_060.0).silent == pytest.approx(60)
    assert read_run_record(folder, now=1_000_000.0 + 3600).state == "stopped"


def test_a_run_of_slow_epochs_may_be_silent_for_longer(run, tmp_path):
    folder = without_encoder(run, tmp_path / "b", written=1_000_000.0)
    slow = [{"epoch": 1, "loss": 1.0, "learning_rate": 0.1, "seconds": 3600.0}]
    (folder / "metrics.jsonl").write_text(json.dumps(slow[0]) + "\n")
    os.utime(folder / "metrics.jsonl", (1_000_000.0, 1_000_000.0))
    assert read_run_record(folder, now=1_000_000.0 + 2 * 3600).state == "running"
    assert read_run_record(folder, now=1_000_000.0 + 4 * 3600).state == "stopped"
    assert read_run_record(folder).best_epoch is None


def test_of_equal_scores_the_later_epoch_was_kept(run, tmp_path):
    folder = without_encoder(run, tmp_path / "b", written=1.0)
    lines = [{"epoch": n, "validation_score": s} for n, s in ((1, 0.5), (2, 0.7), (3, 0.7))]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_run_record(folder).best_epoch == 3


def test_runs_are_found_last_written_first(run, tmp_path):
    older = without_encoder(run, tmp_path / "older", written=1_000_000.0)
    newer = without_encoder(run, tmp_path / "deep" / "newer", written=2_000_000.0)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "link").symlink_to(run.folder)
    assert list_run_folders(tmp_path) == (newer, older)
    assert list_run_folders(older) == (older,)
    with pytest.raises(UsageError, match="no such folder"):
        list_run_folders(tmp_path / "none")


def test_damage_and_other_folders_are_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="no run of `medsiam train`"):
        read_run_record(tmp_path)
    (tmp_path / "config.toml").write_text("")
    for name, content in (
        ("metrics.jsonl", "{"),
        ("metrics.jsonl", "[]"),
        ("environment.json", "[]"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(UsageError, match="cannot be read"):
            read_run_record(tmp_path)
        (tmp_path / name).unlink()
    assert read_run_record(tmp_path).epochs == ()


def test_reading_loads_no_torch(run):
    code = (
        "import sys; from medsiam.training import read_run_record\n"
        f"read_run_record({os.fspath(run.folder)!r})\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
