"""The run folder's own rules; its content is checked in test_loop.py."""

from __future__ import annotations

import pytest

from medsiam.config import load_config
from medsiam.errors import OutputError, UsageError
from medsiam.training import TrainingConfig
from medsiam.training.inputs import Inputs
from medsiam.training.run_folder import (
    check_run_folder,
    check_same_run,
    read_config,
    write_config,
    write_environment,
)
from tests.training.shapes import tiny_config


def test_new_and_empty_folders_are_taken(tmp_path):
    check_run_folder(tmp_path / "deep" / "new")
    assert list(tmp_path.iterdir()) == []  # a run that is refused leaves nothing
    (tmp_path / "empty").mkdir()
    check_run_folder(tmp_path / "empty")


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"not empty; give a new one with --out"):
        check_run_folder(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_only_what_a_killed_run_left_is_taken_on_resuming(tmp_path):
    for name in ("split.csv", "environment.json", ".config.toml.a1b2"):
        (tmp_path / name).write_text("")
    check_run_folder(tmp_path, resume=True)
    with pytest.raises(OutputError, match="not empty"):
        check_run_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds files but no config\.toml, so it is no run"):
        check_run_folder(tmp_path, resume=True)


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*run/config\.toml: .*: Not a directory"):
        check_run_folder(tmp_path / "file" / "run")


def test_the_configuration_is_found_again_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    config = tiny_config(
        "cases.csv",
        start={"weights": "weights"},
        pretraining={"epochs": 1, "cases": "more.csv"},
    )
    write_config(tmp_path / "run", config)
    monkeypatch.chdir("/")
    read = read_config(tmp_path / "run")
    assert read == load_config(tmp_path / "run" / "config.toml", TrainingConfig)
    assert read.data.cases == tmp_path / "cases.csv"
    assert read.pretraining.cases == tmp_path / "more.csv"
    assert read.start.weights == str(tmp_path / "weights")
    assert read.optimiser == config.optimiser
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.toml"]


def test_only_the_same_run_goes_on(tmp_path):
    config = tiny_config(tmp_path / "cases.csv")
    with pytest.raises(UsageError, match="no run to go on with"):
        read_config(tmp_path)
    write_config(tmp_path, config)
    began = Inputs("a", "b", "c")
    check_same_run(tmp_path, config, began)  # killed before its environment was written
    write_environment(tmp_path, config, began)
    check_same_run(tmp_path, config, began)
    other = tiny_config(
        tmp_path / "cases.csv", loss={"margin": 0.5}, run={"name": "tiny", "seed": 3}
    )
    with pytest.raises(UsageError, match=r"other values of run.seed, loss.margin;"):
        check_same_run(tmp_path, other, began)
    with pytest.raises(UsageError, match=": the scans, their conditions or the split are not what"):
        check_same_run(tmp_path, config, Inputs("x", "b", "c"))
    with pytest.raises(UsageError, match=": the masks and the start weights are not what the run"):
        check_same_run(tmp_path, config, Inputs("a", "x", None))


def test_a_run_begun_before_masks_and_weights_were_noted_goes_on(tmp_path):
    config = tiny_config(tmp_path / "cases.csv")
    write_config(tmp_path, config)
    (tmp_path / "environment.json").write_text('{"data_sha256": "a"}')
    check_same_run(tmp_path, config, Inputs("a", "b", "c"))
    with pytest.raises(UsageError, match="the scans"):
        check_same_run(tmp_path, config, Inputs("x", "b", "c"))
