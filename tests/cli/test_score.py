from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from medsiam.cli import main
from tests.scans.written import write_stack


@pytest.fixture
def score(phantom_bank, tmp_path, capsys):
    def run(folder, *options):
        code = main(
            [
                "score",
                str(folder),
                "--bank",
                str(phantom_bank.path),
                "--out",
                str(tmp_path / "out"),
                *options,
            ]
        )
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


def test_some_failed_is_exit_4_and_the_table_names_each_series(score, incoming, tmp_path):
    code, out, err = score(incoming, "--reports")
    assert code == 4
    assert "truncated_pixels" in out
    assert "2 scored, 2 skipped, 1 failed; 5 other files" in err
    assert len(list((tmp_path / "out" / "reports").glob("*.html"))) == 2


def test_json_is_one_document(score, incoming):
    code, out, _ = score(incoming, "--json")
    document = json.loads(out)
    assert code == 4
    assert document["counts"] == {"scored": 2, "skipped": 2, "failed": 1}
    outcomes = [entry["outcome"] for entry in document["series"]]
    assert sorted(outcomes) == ["failed", "scored", "scored", "skipped", "skipped"]
    scored = next(entry for entry in document["series"] if entry["outcome"] == "scored")
    assert scored["comparison"]["matches"][0]["rank"] == 1


def test_dry_run_writes_nothing(score, incoming, tmp_path):
    code, out, _ = score(incoming, "--dry-run", "--json")
    assert code == 0
    assert sum(entry["skipped_because"] is None for entry in json.loads(out)) == 3
    assert not (tmp_path / "out").exists()


def test_all_well_is_0_all_failed_is_5_nothing_to_do_is_3(score, incoming, tmp_path):
    damaged, good, flat = [], [], []
    for folder in sorted(path for path in incoming.iterdir() if path.is_dir()):
        code, out, _ = score(folder, "--json")
        kind = json.loads(out)["series"][0]["outcome"]
        {"failed": damaged, "scored": good, "skipped": flat}[kind].append(code)
    assert (damaged, good, flat) == ([5], [0, 0], [3, 3])
    (tmp_path / "empty").mkdir()
    code, _, err = score(tmp_path / "empty")
    assert code == 3
    assert "no DICOM series, NIfTI file or image" in err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("-k", "0"), 2, "k must be a whole number of at least 1"),
        (("--metric", "cosin"), 2, "cosine"),
        (("--rule", "near"), 2, "nearest"),
    ],
)
def test_a_wrong_setting_is_usage(score, incoming, options, code, said):
    got, _, err = score(incoming, *options)
    assert got == code
    assert said in err


def test_a_missing_folder_and_a_missing_bank(score, incoming, tmp_path, capsys):
    code, _, err = score(tmp_path / "nowhere")
    assert code == 5
    assert "nowhere" in err
    words = ["score", str(incoming), "--bank", str(tmp_path), "--out", str(tmp_path / "o")]
    assert main(words) == 6


def test_pages_are_named_by_their_series_and_old_ones_go(score, incoming, tmp_path):
    reports = tmp_path / "out" / "reports"
    score(incoming, "--reports")
    names = {page.name.partition("_")[2] for page in reports.iterdir()}
    folders = {str(p.relative_to(incoming)) for p in incoming.rglob("00000001") if p.is_dir()}
    assert names <= {f"{folder.replace('/', '_')}.html" for folder in folders}
    score(incoming)
    assert list(reports.iterdir()) == []


def test_an_output_folder_in_the_way_is_said_before_any_work(score, incoming, tmp_path):
    (tmp_path / "out").write_text("a file")
    code, out, err = score(incoming)
    assert code == 7
    assert out == ""
    assert "cannot make the folder" in err


def test_a_resampled_series_says_so_wherever_it_is_shown(score, tmp_path):
    folder = tmp_path / "in"
    rng = np.random.default_rng(1)
    files = write_stack(folder, rng.integers(0, 99, (9, 12, 12), np.int16))
    files[4].unlink()
    assert score(folder)[0] == 5
    code, out, _ = score(folder, "--allow-resample", "--reports")
    assert code == 0
    document = json.loads(score(folder, "--allow-resample", "--reports", "--json")[1])
    said = _only(document["series"])["comparison"]["query"]["warnings"]
    (sentence,) = (text for text in said if "interpolat" in text)
    assert sentence in " ".join(out.split())
    with (tmp_path / "out/results.csv").open(newline="") as file:
        assert all(sentence in row["notes"] for row in csv.DictReader(file))
    page = _only(list((tmp_path / "out/reports").iterdir())).read_text()
    assert sentence in page


def _only(things):
    (thing,) = things
    return thing
