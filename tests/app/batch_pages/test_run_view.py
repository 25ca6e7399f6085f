from __future__ import annotations

import csv
import shutil

import pytest

from batch_pages.run_view import series_rows
from medsiam.cli import main
from medsiam.scoring import read_run
from tests.app.conftest import text_of

TABS = ("Series", "Distances", "None of these", "Failed and skipped", "Files")


def script():
    import os

    from batch_pages.run_view import show_run
    from medsiam.scoring import read_run
    from shell.open_bank import the_bank

    show_run(read_run(os.environ["SHOWN_RUN"]), the_bank())


@pytest.fixture(scope="module")
def out(phantom_bank, incoming, tmp_path_factory):
    folder = tmp_path_factory.mktemp("batch") / "out"
    main(["score", str(incoming), "--bank", str(phantom_bank.path), "--out", str(folder)])
    return folder


@pytest.fixture
def shown(start, out, monkeypatch):
    def run(bank, tab=None):
        monkeypatch.setenv("SHOWN_RUN", str(out))
        app = start(bank, script=script)
        if tab:
            app.session_state["batch tab"] = tab
            app.run()
        assert not app.exception
        return app

    return run


def test_counts_are_those_of_the_results(shown, phantom_bank, out):
    app = shown(phantom_bank)
    run = read_run(out)
    metrics = {one.label: int(one.value) for one in app.metric}
    assert {word: metrics[word] for word in run.counts} == run.counts
    assert not app.warning


def test_a_run_under_way_says_how_far_it_is(start, phantom_bank, out, tmp_path, monkeypatch):
    live = shutil.copytree(out, tmp_path / "live")
    for path in live.glob("results.*"):
        path.unlink()
    next((live / "parts").iterdir()).unlink()
    monkeypatch.setenv("SHOWN_RUN", str(live))
    app = start(phantom_bank, script=script)
    assert not app.exception
    n = len(read_run(out).series)
    assert f"{n - 1} of {n} series are known so far" in app.info[0].value
    assert len(app.dataframe[0].value) == n - 1


def test_series_can_be_narrowed(shown, phantom_bank, out):
    app = shown(phantom_bank)
    assert len(app.dataframe[0].value) == len(read_run(out).series)
    app.multiselect(key="batch outcome").select("failed").run()
    assert list(app.dataframe[0].value["why not"]) == ["truncated_pixels"]


@pytest.mark.parametrize("tab", TABS)
def test_no_tab_names_a_file(shown, phantom_bank, out, tab):
    app = shown(phantom_bank, tab)
    said = text_of(app) + "".join(str(table.value) for table in app.dataframe)
    with (out / "manifest.csv").open(newline="") as stream:
        paths = {row["path"] for row in csv.DictReader(stream) if row["series"]}
    assert paths
    for path in paths:
        assert path not in said
        assert path.rpartition("/")[0] not in said


def test_what_failed_has_its_reason(shown, phantom_bank):
    table = shown(phantom_bank, "Failed and skipped").dataframe[0].value
    reasons = table.set_index("code")["why, and what to do"]
    assert "part of the picture is missing" in reasons["truncated_pixels"]
    assert len(table) == 3


def test_distances_are_drawn_and_listed(shown, phantom_bank):
    app = shown(phantom_bank, "Distances")
    assert len(app.get("vega_lite_chart")) == 1
    assert app.dataframe[0].value["series"].sum() == 2


def test_the_files_are_handed_out_as_they_are(shown, phantom_bank, out):
    app = shown(phantom_bank, "Files")
    names = [one.label for one in app.get("download_button")]
    assert names == [
        "results.csv", "results.jsonl", "results.parquet", "manifest.csv", "summary.html"
    ]  # fmt: skip
    assert all((out / name).is_file() for name in names)


def test_distances_of_another_encoder_are_told_apart(shown, bank_2d):
    assert "another encoder" in shown(bank_2d).warning[0].value


def test_a_row_has_a_number_in_place_of_a_path(out):
    run = read_run(out)
    rows = series_rows(run.series)
    assert [row["series"] for row in rows] == list(range(1, len(rows) + 1))
    assert "path" not in rows[0]
