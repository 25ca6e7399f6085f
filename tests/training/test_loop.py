"""The whole run on tiny images: it learns, repeats, stops, warns and leaves what it should."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.config import load_config
from medsiam.encoders import load_encoder
from medsiam.errors import CaseTableError, MedsiamError, OutputError
from medsiam.scans import read_scan
from medsiam.training import TrainingConfig, train
from medsiam.training.learner import rate_factor
from medsiam.training.settings import ScheduleSettings
from tests.training.shapes import tiny_config, write_cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    return write_cases(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def run(cases, tmp_path_factory):
    return train(tiny_config(cases), out=tmp_path_factory.mktemp("runs") / "a", progress=False)


def test_the_run_folder_is_complete(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "config.toml",
        "environment.json",
        "split.csv",
        "metrics.jsonl",
        "tensorboard",
        "checkpoints",
        "encoder",
    }
    epochs = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert run.score == max(epoch["validation_score"] for epoch in epochs)
    assert epochs[run.best_epoch - 1]["validation_score"] == run.score
    assert all(epoch["learning_rate"] > 0 for epoch in epochs)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["seed"] == 0
    assert environment["torch"] == torch.__version__
    assert len(environment["data_sha256"]) == 64
    assert len(list((run.folder / "tensorboard").iterdir())) == 1


def test_no_patient_is_named_anywhere(run):
    for path in run.folder.rglob("*"):
        assert path.is_dir() or b"secret" not in path.read_bytes(), path.name


def test_split_csv_keeps_subjects_apart(run):
    with (run.folder / "split.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 36
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["part"], set()).add(row["subject"])
        # The two scans of a patient are named alike: one number for both.
        patient = row["path"].rsplit("-", 1)[0]
        alike = {r["subject"] for r in rows if r["path"].rsplit("-", 1)[0] == patient}
        assert alike == {row["subject"]}
    assert set(parts) == {"training", "validation"}
    assert not parts["training"] & parts["validation"]
    assert len(parts["validation"]) == 6


def test_the_card_tells_the_run(run):
    card = load_encoder(run.folder / "encoder").card
    assert card == run.encoder.card
    assert card.name == "tiny"
    assert card.licence == "CC0-1.0"
    assert card.conditions_seen == ("bar", "disc", "ring")
    (data,) = card.training_data
    assert (data.name, data.n_scans, data.n_patients) == ("shapes", 24, 12)
    (metric,) = card.metrics
    assert metric.value == run.score
    assert metric.low is not None
    assert metric.high is not None
    assert metric.low <= metric.value <= metric.high
    assert (metric.n, metric.unit_of_n) == (6, "patients")
    assert metric.chance == metric.majority == pytest.approx(1 / 3)
    assert "validation" in metric.measured_on
    assert f"epoch {run.best_epoch}" in (card.notes or "")


def test_the_encoder_works_and_its_weights_are_those_of_the_best_epoch(run, cases):
    encoder = load_encoder(run.folder / "encoder")
    embeddings = encoder.embed([read_scan(cases.parent / "bar-0-0.png")])
    assert embeddings.shape == (1, 8)
    assert np.linalg.norm(embeddings) == pytest.approx(1, abs=1e-5)


def test_the_saved_configuration_repeats_the_run_bit_for_bit(run, tmp_path):
    config = load_config(run.folder / "config.toml", TrainingConfig)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)  # whatever happened before must not matter
        again = train(config, out=tmp_path / "again", progress=False)
    assert again.encoder.fingerprint == run.encoder.fingerprint
    weights = again.encoder.network.state_dict()
    for name, tensor in run.encoder.network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_another_seed_gives_other_weights(run, cases, tmp_path):
    other = train(
        tiny_config(cases, run={"name": "tiny", "seed": 1}), out=tmp_path / "b", progress=False
    )
    assert other.encoder.fingerprint != run.encoder.fingerprint


def test_global_random_states_are_left_alone(cases, tmp_path):
    before = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())
    train(tiny_config(cases), out=tmp_path / "run", progress=False)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


@pytest.mark.parametrize(
    ("kind", "margin"), [("contrastive", 1.0), ("triplet", 0.3), ("supcon", 0.3)]
)
def test_it_learns(cases, tmp_path, kind, margin):
    result = train(
        tiny_config(
            cases,
            loss={"kind": kind, "margin": margin},
            sampling={"scans_per_condition": 4, "steps_per_epoch": 10},
            schedule={"epochs": 4, "warmup_epochs": 1},
            optimiser={"learning_rate": 3e-3},
        ),
        out=tmp_path / "run",
        progress=False,
    )
    lines = (result.folder / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert losses[-1] < 0.6 * losses[0]
    assert result.score >= 0.75  # chance 0.33


def test_early_stop_keeps_the_best_epoch(cases, tmp_path):
    # Steps this small change nothing: the score stays, and patience ends the run.
    result = train(
        tiny_config(
            cases,
            optimiser={"learning_rate": 1e-12},
            sampling={"scans_per_condition": 2, "steps_per_epoch": 1},
            schedule={"epochs": 9, "warmup_epochs": 1},
            early_stop={"patience": 2},
        ),
        out=tmp_path / "run",
        progress=False,
    )
    epochs = [json.loads(x) for x in (result.folder / "metrics.jsonl").read_text().splitlines()]
    assert len(epochs) < 9
    last_rise = max(
        i
        for i, epoch in enumerate(epochs, start=1)
        if all(epoch["validation_score"] > e["validation_score"] for e in epochs[: i - 1])
    )
    assert len(epochs) == last_rise + 2
    best = max(epoch["validation_score"] for epoch in epochs)
    assert result.score == best
    assert result.best_epoch == max(e["epoch"] for e in epochs if e["validation_score"] == best)


def test_collapse_is_said_in_plain_words(tmp_path, capsys):
    table = write_cases(tmp_path / "flat")
    for path in (tmp_path / "flat").glob("*.png"):
        Image.new("L", (24, 24), 100).save(path)
    result = train(
        tiny_config(table, augmentation={}, sampling={"steps_per_epoch": 1}), out=tmp_path / "run"
    )
    assert len(result.warnings) == 1
    assert "nearly the same embedding (collapse)" in result.warnings[0]
    assert result.warnings[0] in (result.encoder.card.notes or "")
    shown = capsys.readouterr()
    assert "warning: epoch 1: all validation scans" in shown.err
    assert shown.out == ""


def test_progress_is_on_stderr_and_can_be_switched_off(cases, tmp_path, capsys):
    train(tiny_config(cases), out=tmp_path / "loud")
    loud = capsys.readouterr()
    assert loud.out == ""
    assert "24 scans to train on, 12 to validate on" in loud.err
    assert "epoch 2 of 2: loss" in loud.err
    train(tiny_config(cases), out=tmp_path / "quiet", progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_loss_that_is_not_finite_stops_the_run(cases, tmp_path):
    with pytest.raises(MedsiamError, match=r"epoch \d: the loss is (nan|inf); lower optimiser"):
        train(
            tiny_config(
                cases,
                encoder={"width": 0.25, "embedding_dim": 8, "normalize": False},
                optimiser={"learning_rate": 1e30},
            ),
            out=tmp_path / "run",
            progress=False,
        )


def test_a_run_folder_in_use_is_refused_before_anything_is_read(cases, tmp_path):
    (tmp_path / "old.txt").write_text("")
    with pytest.raises(OutputError):
        train(tiny_config(cases), out=tmp_path, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


def test_after_an_unreadable_scan_the_same_run_folder_can_be_used(tmp_path):
    table = write_cases(tmp_path / "shapes")
    whole = (tmp_path / "shapes" / "bar-0-0.png").read_bytes()
    (tmp_path / "shapes" / "bar-0-0.png").write_bytes(whole[:40])
    with pytest.raises(CaseTableError, match="line 2"):
        train(tiny_config(table), out=tmp_path / "run", progress=False)
    (tmp_path / "shapes" / "bar-0-0.png").write_bytes(whole)
    assert train(tiny_config(table), out=tmp_path / "run", progress=False).best_epoch >= 1


def test_rate_rises_then_falls_along_a_half_cosine():
    schedule = ScheduleSettings(epochs=5, warmup_epochs=1)
    factors = [rate_factor(step, 4, schedule) for step in range(20)]
    assert factors[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert factors[4] == 1
    expected = [(1 + math.cos(math.pi * i / 16)) / 2 for i in range(16)]
    assert factors[4:] == pytest.approx(expected)
    assert rate_factor(20, 4, schedule) == pytest.approx(0)
