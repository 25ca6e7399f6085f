from __future__ import annotations

import os
import shutil

import pytest

from encoder_pages.training_runs import ago, run_row, seconds_between
from medsiam.errors import UsageError
from medsiam.training import read_run_record, train
from tests.app.conftest import text_of
from tests.training.shapes import tiny_config, write_cases


def script():
    from encoder_pages.training_runs import show_training_runs

    show_training_runs()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One finished run, and two without an encoder: one just written, one long ago."""
    folder = tmp_path_factory.mktemp("training")
    root = folder / "runs"
    done = train(tiny_config(write_cases(folder / "shapes")), out=root / "done", progress=False)
    for name, age in (("going", 0.0), ("left", 1e6)):
        copy = shutil.copytree(done.folder, root / "deeper" / name)
        shutil.rmtree(copy / "encoder")
        for path in copy.rglob("*"):
            if age and path.is_file():
                os.utime(path, (1e9, 1e9))
    return root


@pytest.fixture
def shown(start, bank_2d, monkeypatch):
    def run(root):
        if root is None:
            monkeypatch.delenv("MEDSIAM_REVIEW_RUNS", raising=False)
        else:
            monkeypatch.setenv("MEDSIAM_REVIEW_RUNS", str(root))
        return start(bank_2d, script=script)

    return run


def test_every_run_is_listed_with_its_state(shown, runs):
    app = shown(runs)
    assert not app.exception
    table = app.dataframe[0].value.set_index("run")
    assert table["state"].to_dict() == {
        "done": "finished", "deeper/going": "running", "deeper/left": "stopped"
    }  # fmt: skip
    record = read_run_record(runs / "done")
    assert set(table["epochs"]) == {len(record.epochs)}
    assert table.loc["done", "best epoch"] == record.best_epoch


def test_curves_configuration_and_environment_of_the_chosen_one(shown, runs):
    app = shown(runs)
    app.selectbox[0].set_value("done").run()
    assert not app.exception
    record = read_run_record(runs / "done")
    assert len(app.get("vega_lite_chart")) == 3
    epochs = app.dataframe[1].value
    assert list(epochs["loss on the training part"]) == [e["loss"] for e in record.epochs][::-1]
    assert app.code[0].value == record.config.strip()
    assert f"<dd>{record.environment['torch']}</dd>" in text_of(app)
    assert "secret" not in text_of(app)


def test_only_a_run_that_goes_on_is_looked_at_again(runs):
    found = {
        name: seconds_between(read_run_record(runs / name))
        for name in ("done", "deeper/going", "deeper/left")
    }
    assert found == {"done": None, "deeper/going": 5, "deeper/left": None}
    assert seconds_between(UsageError("damaged")) is None


def test_what_files_cannot_tell_is_said(shown, runs):
    app = shown(runs)
    every = {}
    for name in ("done", "deeper/going", "deeper/left"):
        app.selectbox[0].set_value(name).run()
        assert not app.exception
        every[name] = "killed looks as one" in text_of(app)
    assert every == {"done": False, "deeper/going": True, "deeper/left": True}


def test_a_run_without_epochs_and_one_that_cannot_be_read(shown, runs, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.toml").write_text("[run]\n")
    app = shown(tmp_path)
    assert "No epoch has ended yet" in text_of(app)
    (tmp_path / "bare" / "metrics.jsonl").write_text("{")
    app.run()
    assert not app.exception
    assert "cannot be read" in app.error[0].value
    assert app.dataframe[0].value["state"][0] == "cannot be read"


def test_without_a_folder_and_without_runs_the_page_says_what_to_do(shown, tmp_path):
    assert "medsiam review --runs" in shown(None).info[0].value
    assert "medsiam train" in shown(tmp_path).info[0].value


def test_names_and_times_are_short(tmp_path):
    assert [ago(s) for s in (5, 65, 7200, 200_000)] == [
        "5 s ago", "1 min ago", "2 h ago", "2 d ago"
    ]  # fmt: skip
    assert run_row("x", UsageError("no"))["state"] == "cannot be read"
