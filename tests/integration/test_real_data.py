"""The whole line on real data, from the committed configurations, through the command line.

Training is cut to a few steps: this asks whether everything fits together, not how good it is
(docs/benchmarks.md has that).
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from medsiam.cli import main
from medsiam.scans import index_folder
from medsiam.scoring import named_series

CONFIGS = Path(__file__).parents[2] / "configs" / "training"
SHORT = ("schedule.epochs=2", "schedule.warmup_epochs=1", "sampling.steps_per_epoch=2")


@pytest.fixture
def medsiam(capsys):
    """Run a command that must succeed; return its JSON document."""

    def run(*words, code=0):
        capsys.readouterr()  # what earlier commands printed
        got = main([str(word) for word in (*words, "--json")])
        out, err = capsys.readouterr()
        assert got == code, err
        return json.loads(out)

    return run


def medsiam_text(*words):
    assert main([str(word) for word in words]) == 0


def write_table(path, source, conditions, *, per_condition, joined=False):
    """A table of the first scans of each condition, and one with the next ones."""
    with source.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"] in conditions]
    for row in rows:
        row["path"] = str(source.parent / row["path"])
        row.pop("mask_path", None)
        if joined:
            row["case_id"] = f"case-{row['patient_id'][-3:]}"
    seen = Counter()
    kept, held_back = [], []
    for row in rows:
        seen[row["label"]] += 1
        (kept if seen[row["label"]] <= per_condition else held_back).append(row)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return path, held_back


def test_cells_2d(medsiam, medsiam_data, tmp_path):
    unseen = ("stomatocyte", "teardrop", "burr_cell")
    run = tmp_path / "run"
    small = ("recipe.spatial_size=[96, 96]", "encoder.views=one")
    small += ('data.base_conditions=["normal", "target_cell", "ovalocyte"]',)
    trained = medsiam("train", CONFIGS / "chula_2d.toml", *SHORT, *small, "--out", run)
    assert 0 <= trained["validation_score"] <= 1
    card = json.loads((run / "encoder" / "card.json").read_text())
    assert not set(unseen) & set(card["conditions_seen"])

    source = medsiam_data / "chula_rbc_cells" / "labels.csv"
    table, held_back = write_table(tmp_path / "cells.csv", source, unseen, per_condition=12)
    medsiam("embed", table, "--encoder", run / "encoder", "--out", tmp_path / "e.npz")
    figures = medsiam("evaluate", tmp_path / "e.npz", "--cases", table, "--baselines")
    assert figures

    bank = tmp_path / "bank"
    medsiam_text("bank", "create", bank, "--encoder", run / "encoder")
    medsiam("bank", "add", bank, "--cases", table, "--proof", "expert opinion", "--licence", "MIT")
    answer = medsiam("compare", held_back[0]["path"], "--bank", bank, "-k", 4)
    assert [match["rank"] for match in answer["matches"]] == [1, 2, 3, 4]
    assert {entry["condition"] for entry in answer["conditions"]} == set(unseen)
    assert answer["conditions"][0]["probability"] is None
    assert answer["probability_reason"]


def test_hearts_3d_joined_and_a_dicom_folder(medsiam, medsiam_data, tmp_path):
    run = tmp_path / "run"
    medsiam("train", CONFIGS / "acdc_3d.toml", *SHORT, "--out", run)
    source = medsiam_data / "acdc_cardiac_mri" / "labels.csv"
    table, held_back = write_table(
        tmp_path / "hearts.csv", source, ("HCM", "RV"), per_condition=12, joined=True
    )
    bank = tmp_path / "bank"
    medsiam_text("bank", "create", bank, "--encoder", run / "encoder")
    added = medsiam("bank", "add", bank, "--cases", table, "--proof", "none", "--licence", "NC")
    listed = medsiam("bank", "list", bank)
    assert len(listed["cases"]) == 12
    assert added

    ed, es = (row["path"] for row in held_back[:2])
    answer = medsiam("compare", ed, es, "--bank", bank, "--metric", "mahalanobis")
    distances = [match["distance"] for match in answer["matches"]]
    assert distances == sorted(distances)
    with table.open(newline="", encoding="utf-8") as stream:
        own = list(csv.DictReader(stream))[:2]  # ED and ES of the first patient in the bank
    answer = medsiam("compare", *(row["path"] for row in own), "--bank", bank, "-k", 12)
    assert own[0]["case_id"] not in {match["case_id"] for match in answer["matches"]}
    assert answer["n_same_patient"] == 1


def test_real_dicom_series_are_scored_or_named(medsiam, medsiam_data, phantom_bank, tmp_path):
    folder = medsiam_data / "dicom_samples" / "series"
    words = ("score", folder, "--bank", phantom_bank.path, "--out", tmp_path / "out")
    outcomes = medsiam(*words, code=3)["series"]
    found = {one.name: one.found for one in named_series(index_folder(folder), phantom_bank)}
    names = Counter(
        found[entry["series"]].files[0].relative_to(folder).parts[0] for entry in outcomes
    )
    assert names == {
        "gbm_t1post": 1,
        "gbm_flair": 1,
        "gbm_hippocampus_crop": 1,
        "mr_sagittal_hfs": 1,
        "ge_fmri": 10,  # time points
        "siemens_epi_ap": 2,  # mosaics
        "siemens_epi_pa": 2,
    }
    # MR against a bank of CT
    assert {(entry["outcome"], entry["code"]) for entry in outcomes} == {
        ("skipped", "out_of_scope")
    }
    manifest = (tmp_path / "out" / "manifest.csv").read_text(encoding="utf-8")
    assert manifest.count("\n") - 1 == sum(p.is_file() for p in folder.rglob("*"))
    assert "PGBM-003" not in manifest
