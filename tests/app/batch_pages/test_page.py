from __future__ import annotations

import json
import shutil

import pytest

from batch_pages.page import run_row
from medsiam.cli import main
from medsiam.errors import UsageError
from medsiam.scoring import read_run
from tests.app.conftest import text_of


def script():
    from batch_pages.page import batch_page

    batch_page()


@pytest.fixture(scope="module")
def outputs(phantom_bank, incoming, tmp_path_factory):
    root = tmp_path_factory.mktemp("batches")
    folder = root / "ward" / "monday"
    main(["score", str(incoming), "--bank", str(phantom_bank.path), "--out", str(folder)])
    shutil.copytree(folder, root / "again")
    return root


@pytest.fixture
def shown(start, phantom_bank, monkeypatch):
    def run(root):
        if root is None:
            monkeypatch.delenv("MEDSIAM_REVIEW_BATCHES", raising=False)
        else:
            monkeypatch.setenv("MEDSIAM_REVIEW_BATCHES", str(root))
        app = start(phantom_bank, script=script)
        assert not app.exception
        return app

    return run


def test_every_output_is_listed_and_one_is_shown(shown, outputs):
    app = shown(outputs)
    table = app.dataframe[0].value.set_index("output")
    assert set(table.index) == {"again", "ward/monday"}
    counts = read_run(outputs / "again").counts
    assert table.loc["again", ["scored", "skipped", "failed"]].to_dict() == counts
    app.selectbox(key="batch").set_value("ward/monday").run()
    assert not app.exception
    assert app.metric[0].label == "scored"


def test_a_change_in_the_folder_is_seen(shown, outputs, tmp_path):
    copy = shutil.copytree(outputs / "again", tmp_path / "run")
    app = shown(tmp_path)
    assert int(app.metric[0].value) == 2
    rows = [json.loads(line) for line in (copy / "results.jsonl").read_text().splitlines()]
    kept = [row for row in rows if row["outcome"] != "scored"]
    (copy / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in kept))
    app.run()
    assert int(app.metric[0].value) == 0


def test_a_damaged_output_is_a_sentence_and_the_list_stays(shown, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "results.jsonl").write_text("{")
    app = shown(tmp_path)
    assert "cannot be read" in app.error[0].value
    assert app.dataframe[0].value["state"][0] == "cannot be read"


def test_without_a_folder_and_without_outputs_the_page_says_what_to_do(shown, tmp_path):
    app = shown(None)
    assert "medsiam review --batches" in app.info[0].value
    assert "medsiam score FOLDER" in text_of(app)
    assert "no output" in shown(tmp_path).info[0].value


def test_nothing_can_be_started_from_the_page(shown, outputs):
    assert [button.label for button in shown(outputs).button] == ["Look again"]


def test_a_row_counts_what_is_like_none(outputs):
    run = read_run(outputs / "again")
    row = run_row("again", run)
    assert row["none of these"] == sum(one.verdict == "none of these" for one in run.series)
    assert row["files"] == sum(run.n_files.values())
    assert run_row("x", UsageError("no")) == {"output": "x", "state": "cannot be read"}
