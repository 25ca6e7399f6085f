"""A tiny data set: discs, bars and rings as PNG files, a few patients each."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from medsiam.cases import CaseRow
from medsiam.encoders import TwinEncoder, new_encoder
from medsiam.training import TrainingConfig
from medsiam.training.dataset import PreparedScans

SIZE = 24
SHAPES = ("bar", "disc", "ring")


def draw(shape: str, random_state: np.random.Generator) -> np.ndarray:
    """A noisy grey image of one shape, (24, 24) uint8."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE / 2 - 0.5) + random_state.uniform(-2, 2, (2, 1, 1))
    radius = np.hypot(x, y)
    inside = {
        "bar": (np.abs(y) < 2) & (np.abs(x) < 9),
        "disc": radius < 6,
        "ring": (radius > 5) & (radius < 8),
    }[shape]
    image = 60 + 120 * inside + random_state.normal(0, 12, inside.shape)
    return image.clip(0, 255).astype(np.uint8)


def write_cases(folder: Path, *, patients: int = 6, scans: int = 2) -> Path:
    """Write images and their case table; patients are called "secret-..."."""
    random_state = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "cases.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "condition", "patient_id"))
        for shape in SHAPES:
            for patient in range(patients):
                for scan in range(scans):
                    name = f"{shape}-{patient}-{scan}.png"
                    Image.fromarray(draw(shape, random_state)).save(folder / name)
                    writer.writerow((name, shape, f"secret-{shape}-{patient}"))
    return table


def tiny_config(cases: Path, **sections) -> TrainingConfig:
    """Two epochs of a quarter-width network; `sections` replace or add."""
    document = {
        "run": {"name": "tiny"},
        "data": {"cases": cases, "name": "shapes", "licence": "CC0-1.0"},
        "split": {"validation_fraction": 0.34},
        "recipe": {"spatial_dims": 2, "spatial_size": (SIZE, SIZE)},
        "encoder": {"backbone": "resnet10", "width": 0.25, "embedding_dim": 8},
        "augmentation": {"rotation": 20.0, "noise": 0.05},
        "sampling": {"scans_per_condition": 4, "steps_per_epoch": 3},
        "schedule": {"epochs": 2, "warmup_epochs": 1},
    }
    return TrainingConfig.model_validate(document | sections)


def prepared_shapes(*, patients: int = 6, scans: int = 2, seed: int = 0) -> PreparedScans:
    """The same kind of scans, as training has them in memory: 0 to 1, nothing read."""
    random_state = np.random.default_rng(seed)
    rows, tensors = [], []
    for shape in SHAPES:
        for patient in range(patients):
            for _ in range(scans):
                path = Path(f"{shape}-{len(rows)}.png")
                row = CaseRow(len(rows) + 2, path, path.name, shape, path.stem, f"{shape}{patient}")
                rows.append(row)
                tensors.append(torch.from_numpy(draw(shape, random_state)).float()[None] / 255)
    return PreparedScans(tuple(rows), torch.stack(tensors), tuple(str(i) for i in range(len(rows))))


def new_network(config: TrainingConfig) -> TwinEncoder:
    """The untrained network of a configuration."""
    encoder = new_encoder(config.architecture, config.recipe, name="tiny", licence="CC0-1.0")
    return encoder.network
