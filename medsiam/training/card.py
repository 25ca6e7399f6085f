"""What the encoder's card says of the run that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsiam.encoders import MeasuredMetric, TrainingData
from medsiam.metrics import chance_accuracy
from medsiam.training.dataset import PreparedScans
from medsiam.training.settings import TrainingConfig
from medsiam.training.validation import Validation, score_interval


def card_fields(
    config: TrainingConfig,
    parts: Mapping[str, PreparedScans],
    validation: Validation,
    embeddings: NDArray[np.float32],
    *,
    best_epoch: int,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Return the fields of `EncoderCard` that training knows.

    Args:
        config: of the run.
        parts: "training" and "validation".
        validation: of the encoder as it will be saved.
        embeddings: (n, d) of the validation part, of that encoder.
        best_epoch: epoch whose weights were kept; 0: the start weights.
        warnings: of the run.
    """
    return {
        "training_data": (_training_data(config, parts["training"]),),
        "conditions_seen": tuple(sorted(set(parts["training"].conditions))),
        "metrics": (_retrieval(config, parts["validation"], validation, embeddings),),
        "notes": " ".join(
            (_selection(best_epoch), *_alone(parts), *_without_files(warnings, parts))
        ),
    }


def _training_data(config: TrainingConfig, scans: PreparedScans) -> TrainingData:
    by_patient = all(row.patient_id for row in scans.rows)
    return TrainingData(
        name=config.data.name,
        licence=config.data.licence,
        n_scans=len(scans.rows),
        n_patients=len(set(scans.subjects)) if by_patient else None,
        source=config.data.source,
    )


def _retrieval(
    config: TrainingConfig,
    scans: PreparedScans,
    validation: Validation,
    embeddings: NDArray[np.float32],
) -> MeasuredMetric:
    low, high = score_interval(embeddings, scans.conditions, scans.subjects, validation.score)
    chance = chance_accuracy(scans.conditions)  # blind guesses and the majority score the same
    return MeasuredMetric(
        name="nearest-case accuracy (P@1), mean over conditions",
        value=validation.score,
        low=low,
        high=high,
        n=len(set(scans.subjects)),
        unit_of_n=_unit(scans),
        chance=chance,
        majority=chance,
        measured_on=f"validation part of {config.data.name} ({len(scans.rows)} scans of the "
        "conditions seen in training)" + _chosen_on_it(config),
    )


def _chosen_on_it(config: TrainingConfig) -> str:
    if not config.schedule.epochs:
        return ""
    if config.encoder.backbone == "anatomy":
        return "; the epoch was chosen by its Dice on them"
    return "; the epoch was chosen on it, so it flatters"


def _unit(scans: PreparedScans) -> str:
    if all(row.patient_id for row in scans.rows):
        return "patients"
    return "scans that stand alone" if all(row.stands_alone for row in scans.rows) else "groups"


def _selection(best_epoch: int) -> str:
    if best_epoch == 0:
        return "Start weights, not trained further."
    return f"Weights of epoch {best_epoch}, the best on the validation part."


def _without_files(warnings: Sequence[str], parts: Mapping[str, PreparedScans]) -> list[str]:
    """A card travels: file names, which may name patients, stay in the run's own output."""
    names = {row.path_text for scans in parts.values() for row in scans.rows}
    told = [text for text in warnings if not any(name in text for name in names)]
    left = len(warnings) - len(told)
    return (
        [*told, f"{left} warnings of the run that name files are not repeated."] if left else told
    )


def _alone(parts: Mapping[str, PreparedScans]) -> list[str]:
    rows = [row for scans in parts.values() for row in scans.rows]
    alone = sum(row.stands_alone for row in rows)
    if not alone:
        return []
    return [
        f"{alone} of {len(rows)} scans had neither patient nor group, so one patient's scans may "
        "be in training and in validation."
    ]
