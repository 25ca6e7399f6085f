"""The whole run on tiny images: it learns, repeats, stops, warns and leaves what it should."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from PIL import Image

from medsiam.cases import read_case_table
from medsiam.config import load_config
from medsiam.encoders import load_encoder, new_encoder, save_encoder
from medsiam.encoders.whitening import Whitening
from medsiam.errors import (
    CaseTableError,
    MedsiamError,
    NothingToDoError,
    OutputError,
    StoppedError,
    UsageError,
)
from medsiam.scans import read_scan
from medsiam.training import TrainingConfig, train
from medsiam.training.dataset import prepare_rows
from medsiam.training.inputs import Inputs
from medsiam.training.learner import Learner
from medsiam.training.run_folder import write_config, write_environment
from tests.training.bodies import anatomy_config, write_bodies
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


def weights_of(run_folder):
    return load_encoder(run_folder / "encoder").network.state_dict()


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


# What a run may carry from step to step: a memory, a running mean, heads, several passes.
CARRYING = {
    "encoder": {"backbone": "resnet10", "width": 0.25, "embedding_dim": 8, "standardize": True},
    "loss": {"kind": "supcon", "memory": 16, "head_dim": 4},
    "optimiser": {"averaging": 0.8, "accumulate": 2},
    "pretraining": {"epochs": 1, "scans_per_batch": 12},
}


@pytest.fixture(scope="module")
def carrying(cases, tmp_path_factory):
    """An uninterrupted run: 2 steps of pretraining, 2 epochs of 3 steps."""
    folder = tmp_path_factory.mktemp("carrying") / "run"
    train(tiny_config(cases, **CARRYING), out=folder, progress=False)
    return folder


@pytest.mark.parametrize("stopped_at", [1, 4, 5])  # 5: the last step of an epoch
def test_stopped_by_a_signal_and_resumed_gives_the_same_bits(
    cases, carrying, tmp_path, monkeypatch, stopped_at
):
    config, steps = tiny_config(cases, **CARRYING), []
    take = Learner.take

    def interrupted(self, step):
        steps.append(step)
        if len(steps) == stopped_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return take(self, step)

    monkeypatch.setattr(Learner, "take", interrupted)
    with pytest.raises(StoppedError, match=r"medsiam train --resume .*run$"):
        train(config, out=tmp_path / "run", progress=False)
    assert len(steps) == stopped_at  # the step it was in is finished, no other begun
    train(config, out=tmp_path / "run", resume=True, progress=False)
    assert len(steps) == 2 + 6
    assert_same_weights(weights_of(tmp_path / "run"), weights_of(carrying))
    for name in ("loss", "validation_score"):
        one, other = (
            [json.loads(line)[name] for line in (f / "metrics.jsonl").read_text().splitlines()]
            for f in (tmp_path / "run", carrying)
        )
        assert one == other
    with pytest.raises(NothingToDoError, match="finished"):
        train(config, out=tmp_path / "run", resume=True, progress=False)


class Killed(BaseException):
    """Nothing handles it: what is on disk is what a kill would leave (see the campaign)."""


@pytest.mark.parametrize("killed_at", [0, 2, 5])
def test_killed_and_resumed_gives_the_same_bits(run, cases, tmp_path, monkeypatch, killed_at):
    take = Learner.take

    def killed(self, step):
        if step == killed_at:
            raise Killed
        return take(self, step)

    monkeypatch.setattr(Learner, "take", killed)
    with pytest.raises(Killed):
        train(tiny_config(cases), out=tmp_path / "run", progress=False)
    monkeypatch.undo()
    assert not (tmp_path / "run" / "encoder").exists()
    resumed = train(tiny_config(cases), out=tmp_path / "run", resume=True, progress=False)
    assert resumed.best_epoch == run.best_epoch
    assert_same_weights(weights_of(tmp_path / "run"), weights_of(run.folder))


def test_only_the_run_that_was_begun_is_resumed(cases, tmp_path):
    config = tiny_config(cases, data={"cases": cases, "name": "other", "licence": "CC0-1.0"})
    write_config(tmp_path / "run", config)
    with pytest.raises(UsageError, match=r"other values of data.name"):
        train(tiny_config(cases), out=tmp_path / "run", resume=True, progress=False)
    write_config(tmp_path / "run", tiny_config(cases))
    write_environment(tmp_path / "run", tiny_config(cases), Inputs("0" * 64))
    with pytest.raises(UsageError, match="the scans, their conditions or the split are not what"):
        train(tiny_config(cases), out=tmp_path / "run", resume=True, progress=False)


def test_no_epochs_fit_the_whitening_alone(cases, tmp_path):
    config = tiny_config(
        cases,
        schedule={"epochs": 0},
        whitening={"scatter": "conditions", "shrinkage": 0.3},
        encoder={
            "backbone": "resnet10",
            "width": 0.25,
            "views": "turns",
            "project": False,
            "embedding_dim": 128,
        },
    )
    result = train(config, out=tmp_path / "run", progress=False)
    assert result.best_epoch == 0
    network = result.encoder.network
    fresh = new_encoder(
        config.architecture, config.recipe, name="x", licence="x", random_state=0
    ).network
    assert torch.equal(
        network.backbone.state_dict()["network.conv1.weight"],
        fresh.backbone.state_dict()["network.conv1.weight"],
    )
    scans = prepare_rows(
        [r for r in read_case_table(cases).rows if not in_validation(tmp_path / "run", r)],
        config.recipe,
        advance=lambda: None,
    )
    with torch.inference_mode():
        views = network.view_features(scans.tensors)
    alone = Whitening(128)
    alone.fit(views.reshape(-1, 128), scans.conditions * 4, shrinkage=0.3)
    torch.testing.assert_close(network.whitening.matrix, alone.matrix, rtol=1e-3, atol=1e-3)


def in_validation(run_folder, row):
    with (run_folder / "split.csv").open() as stream:
        return {r["path"]: r["part"] for r in csv.DictReader(stream)}[row.path_text] != "training"


def test_a_share_of_the_start_stays(cases, run, tmp_path):
    start = {"weights": str(run.folder / "encoder"), "share": 1.0, "frozen_stages": 2}
    result = train(tiny_config(cases, start=start), out=tmp_path / "run", progress=False)
    before = run.encoder.network.backbone.state_dict()
    after = result.encoder.network.backbone.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not torch.equal(
        run.encoder.network.projection.weight, result.encoder.network.projection.weight
    )


def test_other_start_weights_than_the_run_was_begun_with_are_refused(run, cases, tmp_path):
    start = tmp_path / "start"
    save_encoder(run.encoder, start)
    config = tiny_config(cases, start={"weights": str(start)})
    began = interrupted(config, tmp_path / "run")
    fresh = new_encoder(config.architecture, config.recipe, name="x", licence="x", random_state=9)
    shutil.rmtree(start)
    save_encoder(fresh, start)
    with pytest.raises(UsageError, match=": the start weights are not what the run was begun with"):
        train(config, out=began, resume=True, progress=False)


def test_other_masks_than_the_run_was_begun_with_are_refused(tmp_path):
    table = write_bodies(tmp_path / "bodies", patients=4)
    config = anatomy_config(table)
    began = interrupted(config, tmp_path / "run")
    row = next(r for r in read_case_table(table).rows)
    stored = nib.load(row.mask_path)
    nib.save(nib.Nifti1Image(np.zeros(stored.shape, np.uint8), stored.affine), row.mask_path)
    with pytest.raises(UsageError, match=": the masks are not what the run was begun with"):
        train(config, out=began, resume=True, progress=False)


def interrupted(config, folder):
    """A run killed before its first step."""

    def killed(self, step):
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Learner, "take", killed)
        with pytest.raises(Killed):
            train(config, out=folder, progress=False)
    return folder


def test_a_draw_that_parts_copies_keeps_them_together_and_says_so(cases, run, tmp_path):
    table = shutil.copytree(cases.parent, tmp_path / "shapes") / cases.name
    with (run.folder / "split.csv").open() as stream:
        part_of = {r["path"]: r["part"] for r in csv.DictReader(stream)}
    trained, validated = (
        next(n for n in part_of if n.startswith("bar") and part_of[n] == part)
        for part in ("training", "validation")
    )
    shutil.copyfile(table.parent / validated, table.parent / trained)
    result = train(tiny_config(table), out=tmp_path / "run", progress=False)
    with (tmp_path / "run" / "split.csv").open() as stream:
        now = {r["path"]: r["part"] for r in csv.DictReader(stream)}
    subject = trained.rsplit("-", 1)[0]
    assert {n for n in now if now[n] != part_of[n]} == {n for n in now if n.startswith(subject)}
    assert any(trained in text and validated in text for text in result.warnings)


def test_a_refused_run_leaves_nothing(cases, tmp_path):
    table = shutil.copytree(cases.parent, tmp_path / "shapes") / cases.name
    (table.parent / "bar-0-0.png").write_bytes(b"")
    with pytest.raises(CaseTableError, match="bar-0-0"):
        train(tiny_config(table), out=tmp_path / "runs" / "one", progress=False)
    assert not (tmp_path / "runs").exists()
