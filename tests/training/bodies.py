"""Tiny volumes with masks: a bright ball in a grey shell, a darker ball beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np

from medsiam.training import TrainingConfig

SHAPE = (24, 24, 6)
SPACING = (2.0, 2.0, 6.0)
STRUCTURES = ("side", "shell", "core")


def body(random_state: np.random.Generator, *, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A noisy volume and its labels, both SHAPE."""
    x, y, z = ((np.arange(n) - (n - 1) / 2) * step for n, step in zip(SHAPE, SPACING, strict=True))
    x, y, z = np.meshgrid(x, y, z, indexing="ij")
    x, y = (axis + random_state.uniform(-3, 3) for axis in (x, y))
    inside = np.abs(z) < 14
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[inside & (np.hypot(x - radius - 6, y) < 5)] = 1
    labels[inside & (np.hypot(x, y) < radius)] = 2
    labels[inside & (np.hypot(x, y) < radius - 4)] = 3
    image = np.array([0.1, 0.6, 0.35, 0.95])[labels] + random_state.normal(0, 0.03, SHAPE)
    return (1000 * image).clip(1).astype(np.int16), labels


def write_bodies(folder: Path, *, patients: int = 2) -> Path:
    """Write scans, masks and their case table: conditions "thick" and "thin"."""
    random_state = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    affine = np.diag([*SPACING, 1.0])
    table = folder / "cases.csv"
    with table.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "condition", "patient_id", "mask_path"))
        for condition, radius in (("thick", 11.0), ("thin", 9.0)):
            for patient in range(patients):
                name = f"{condition}-{patient}"
                image, labels = body(random_state, radius=radius)
                nib.save(nib.Nifti1Image(image, affine), folder / f"{name}.nii.gz")
                nib.save(nib.Nifti1Image(labels, affine), folder / f"{name}-mask.nii.gz")
                row = (f"{name}.nii.gz", condition, f"secret-{name}", f"{name}-mask.nii.gz")
                writer.writerow(row)
    return table


def anatomy_config(cases: Path, **sections) -> TrainingConfig:
    """A tiny segmenting run; `sections` replace or add."""
    document = {
        "run": {"name": "tiny-anatomy"},
        "data": {"cases": cases, "name": "bodies", "licence": "CC0-1.0"},
        "split": {"validation_fraction": 0.5},
        "recipe": {
            "spatial_dims": 3,
            "spatial_size": (28, 28, 8),
            "spacing": SPACING,
            "fit": "crop_or_pad",
        },
        "encoder": {
            "backbone": "anatomy",
            "project": False,
            "normalize": False,
            "anatomy": {
                "structures": STRUCTURES,
                "centre": "core",
                "front": "side",
                "channels": (8, 16, 16),
                "spacing": SPACING,
            },
        },
        "augmentation": {"rotation": 30.0, "translation": 2.0, "noise": 0.02},
        "sampling": {"scans_per_condition": 4, "steps_per_epoch": 10},
        "optimiser": {"learning_rate": 1e-2},
        "schedule": {"epochs": 2, "warmup_epochs": 1},
    }
    return TrainingConfig.model_validate(document | sections)
