from __future__ import annotations

import shutil

import pytest

from medsiam.errors import OutputError
from medsiam.scoring.finishing import RESULTS, finish_run, part_in
from medsiam.scoring.manifest import read_manifest
from medsiam.scoring.run_state import read_state


@pytest.fixture
def copy(finished, tmp_path):
    out, _ = finished
    return shutil.copytree(out, tmp_path / "copy")


def test_results_are_made_of_the_parts_alone(finished, copy):
    out, told = finished
    for name in RESULTS:
        (copy / name).unlink()
    names = [part.series for part in sorted((p for p, _ in told), key=lambda part: part.place)]
    state = read_state(copy)
    finish_run(state, names, lambda parts: read_manifest(out), copy, with_pages=False)
    for name in ("results.csv", "results.jsonl", "manifest.csv"):
        assert (copy / name).read_bytes() == (out / name).read_bytes()


def test_parts_and_pages_of_other_series_go(finished, copy):
    _, told = finished
    name = told[0][0].series
    (copy / "reports").mkdir()
    for page in (name, "0" * 16, "00001_older", "of somebody else"):
        (copy / "reports" / f"{page}.html").write_text("page")
    finish_run(read_state(copy), [name], lambda parts: [], copy, with_pages=True)
    assert [path.stem for path in (copy / "parts").iterdir()] == [name]
    assert {path.stem for path in (copy / "reports").iterdir()} == {name, "of somebody else"}


def test_a_part_that_is_gone_is_said(copy):
    with pytest.raises(OutputError, match="gone or damaged"):
        part_in(copy, "0" * 16)
