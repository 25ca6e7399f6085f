"""Measures made once are those of the network, and a run on shapes learns and can be resumed."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from medsiam.encoders import load_encoder, new_encoder
from medsiam.encoders.shape_measures import measure_shapes
from medsiam.errors import StoppedError
from medsiam.scans import read_scan
from medsiam.training import TrainingConfig, train
from medsiam.training import loop as loop_module
from medsiam.training.metric_objective import MetricObjective
from medsiam.training.shape_features import ShapeFeatures
from tests.training.shapes import prepared_shapes

SIZE = (20, 20, 10)


def write_slabs(folder: Path, *, patients: int = 8) -> Path:
    """Thin and thick slabs of random length, as masks of 0 and 255."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "cases.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "condition", "patient_id"))
        for condition, thickness in (("thin", 3), ("thick", 5)):
            for patient in range(patients):
                mask = np.zeros(SIZE, dtype=np.uint8)
                length, height = rng.integers(8, 15), rng.integers(4, 8)
                x, y = rng.integers(2, 8), rng.integers(2, 5)
                mask[x : x + thickness, y : y + length, 1 : 1 + height] = 255
                name = f"{condition}-{patient}.nii.gz"
                nib.save(nib.Nifti1Image(mask, np.eye(4)), folder / name)
                writer.writerow((name, condition, f"secret-{condition}-{patient}"))
    return table


def slab_config(cases: Path, **sections) -> TrainingConfig:
    document = {
        "run": {"name": "slabs"},
        "data": {"cases": cases, "name": "slabs", "licence": "CC0-1.0"},
        "split": {"validation_fraction": 0.4},
        "recipe": {
            "spatial_dims": 3,
            "spatial_size": SIZE,
            "spacing": (1.0, 1.0, 1.0),
            "fit": "crop_or_pad",
            "intensity": "mask",
        },
        "encoder": {"backbone": "shape", "embedding_dim": 4},
        "sampling": {"scans_per_condition": 4, "steps_per_epoch": 10},
        "loss": {"kind": "supcon"},
        "optimiser": {"learning_rate": 1e-2},
        "schedule": {"epochs": 2, "warmup_epochs": 0},
    }
    return TrainingConfig.model_validate(document | sections)


@pytest.fixture
def table(tmp_path) -> Path:
    return write_slabs(tmp_path / "slabs")


def test_they_are_what_the_fitted_network_gives(table):
    config = slab_config(table)
    scans = prepared_shapes(patients=2)
    volumes = torch.zeros(len(scans.rows), 1, *SIZE)
    for place in range(len(volumes)):
        volumes[place, 0, 2 : 4 + place % 5, 3 : 9 + place, 2:6] = 1
    scans = type(scans)(scans.rows, volumes, scans.content_hashes)
    network = new_encoder(
        config.architecture, config.recipe, name="slabs", licence="CC0-1.0"
    ).network
    features = ShapeFeatures(network.backbone, scans)
    measures = measure_shapes(volumes, (1.0, 1.0, 1.0))
    torch.testing.assert_close(network.backbone.scale.mean, measures.mean(dim=0))
    order = np.array([5, 0, 3])
    torch.testing.assert_close(features(order), network.backbone(volumes[order]))
    objective = MetricObjective(config, scans, network.train())
    rows = objective.observe(network, order, np.arange(3), 0)
    torch.testing.assert_close(rows, network(volumes[order]))
    rows.sum().backward()
    assert network.projection.weight.grad.abs().sum() > 0


def test_a_run_tells_thick_from_thin_and_its_encoder_keeps_the_scale(table, tmp_path):
    result = train(slab_config(table), out=tmp_path / "run", progress=False)
    assert result.score == 1.0
    encoder = load_encoder(tmp_path / "run" / "encoder")
    assert float(encoder.network.backbone.scale.limit) == 3.0
    scans = [read_scan(table.parent / f"thin-{patient}.nii.gz") for patient in range(8)]
    scans += [read_scan(table.parent / f"thick-{patient}.nii.gz") for patient in range(8)]
    likeness = encoder.embed(scans) @ encoder.embed(scans).T
    assert likeness[:8, :8].min() > likeness[:8, 8:].max()


def test_a_resumed_run_ends_with_the_same_bits(table, tmp_path, monkeypatch):
    whole = train(slab_config(table), out=tmp_path / "whole", progress=False)
    saved = loop_module.save_checkpoint

    def save_and_stop(folder, progress, tensors):
        saved(folder, progress, tensors)
        raise StoppedError("stopped")

    monkeypatch.setattr(loop_module, "save_checkpoint", save_and_stop)
    with pytest.raises(StoppedError):
        train(slab_config(table), out=tmp_path / "parts", progress=False)
    monkeypatch.setattr(loop_module, "save_checkpoint", saved)
    parts = train(slab_config(table), out=tmp_path / "parts", resume=True, progress=False)
    assert parts.encoder.fingerprint == whole.encoder.fingerprint
