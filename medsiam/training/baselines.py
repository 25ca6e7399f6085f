"""Two small networks trained the plain way: what few-shot encoders are measured against."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.encoders import embed_case_rows
from medsiam.scans.read import read_scan
from medsiam.training.loop import train
from medsiam.training.settings import TrainingConfig

CROSS_ENTROPY = "trained, cross-entropy (baseline)"
PROTONET = "trained, ProtoNet (baseline)"

_FEWEST_SUBJECTS = 4  # of a condition, to train and to validate on


@dataclass(frozen=True, eq=False)
class TrainedBaselines:
    """Embeddings by networks trained on other conditions.

    Attributes:
        embeddings: name -> (n, d), in the order of the rows.
        notices: what they were trained on, or why there are none.
    """

    embeddings: dict[str, NDArray[np.float32]]
    notices: tuple[str, ...]


def train_baselines(
    cases: Path, rows: Sequence[CaseRow], evaluated: Sequence[str] | None, *, epochs: int = 20
) -> TrainedBaselines:
    """Train half-width ResNet-10s on the conditions that are not compared, and embed the rows.

    Supervised features are those before the classifier; ProtoNet is of J. Snell et al. 2017
    (arXiv:1703.05175). Minutes on a CPU; a floor for training from scratch, not its best.

    Args:
        cases: the table that the rows are of.
        rows: to embed.
        evaluated: conditions that are compared; None: all, so that nothing is left to train on.
        epochs: of twenty steps.

    Returns:
        no embeddings, and the reason, where fewer than two further conditions can be trained on.
    """
    base = base_conditions(rows, evaluated)
    if len(base) < 2:
        reason = (
            "trained baselines are left out: the table has no two further conditions with "
            f"{_FEWEST_SUBJECTS} subjects to train on"
        )
        return TrainedBaselines({}, (reason,))
    dims = read_scan(rows[0].path).spatial_dims
    has_split = any(row.split == "train" and row.condition in base for row in rows)
    embeddings = {}
    with tempfile.TemporaryDirectory(prefix="medsiam-baselines-") as folder:
        for name, kind in ((CROSS_ENTROPY, "cross_entropy"), (PROTONET, "prototypical")):
            config = baseline_config(
                cases, base, kind=kind, spatial_dims=dims, epochs=epochs, has_split=has_split
            )
            run = train(config, out=Path(folder) / kind)
            embeddings[name] = embed_case_rows(rows, run.encoder).embeddings
    notice = f"trained baselines saw {', '.join(base)}, and none of the conditions compared"
    return TrainedBaselines(embeddings, (notice,))


def base_conditions(rows: Sequence[CaseRow], evaluated: Sequence[str] | None) -> tuple[str, ...]:
    """Conditions that are not compared and have subjects enough; of the training split, if any."""
    if evaluated is None:
        return ()
    has_split = any(row.split == "train" for row in rows)
    subjects: dict[str, set[str]] = {}
    for row in rows:
        if row.condition not in evaluated and (row.split == "train" or not has_split):
            subjects.setdefault(row.condition, set()).add(row.subject)
    return tuple(sorted(c for c, own in subjects.items() if len(own) >= _FEWEST_SUBJECTS))


def baseline_config(
    cases: Path,
    base: Sequence[str],
    *,
    kind: str,
    spatial_dims: int,
    epochs: int,
    has_split: bool,
) -> TrainingConfig:
    """The run of one baseline."""
    episodes = kind == "prototypical"
    return TrainingConfig.model_validate(
        {
            "run": {"name": f"baseline-{kind.replace('_', '-')}"},
            "data": {
                "cases": cases.absolute(),
                "base_conditions": tuple(base),
                "name": "the case table that is evaluated",
                "licence": "as the case table",
            },
            "split": {"train": "train"} if has_split else {},
            "recipe": {
                "spatial_dims": spatial_dims,
                "spatial_size": (96, 96) if spatial_dims == 2 else (48, 48, 16),
            },
            "encoder": {"backbone": "resnet10", "width": 0.5, "embedding_dim": 128},
            "augmentation": {"rotation": 15.0, "noise": 0.03, "brightness": 0.1},
            "sampling": {
                "kind": "episodes" if episodes else "balanced",
                "scans_per_condition": 6,
                "support_per_condition": 2,
                "steps_per_epoch": 20,
            },
            "loss": {"kind": kind},
            "schedule": {"epochs": epochs, "warmup_epochs": 1 if epochs > 1 else 0},
        }
    )
