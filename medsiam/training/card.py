"""What the encoder's card says of the run that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsiam.cases import read_case_table
from medsiam.encoders import MeasuredMetric, TrainingData, read_card
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
    before = _before(config)
    own = _training_data(config, parts["training"])
    licences = [own.licence, *(data.licence for data in before.training_data)]
    return {
        "training_data": (own, *before.training_data),
        "licence": "; ".join(dict.fromkeys(licences)),
        "conditions_seen": tuple(sorted({*parts["training"].conditions, *before.conditions_seen})),
        "metrics": (_retrieval(config, parts["validation"], validation, embeddings),),
        "notes": " ".join(
            (_selection(best_epoch), *_alone(parts), *_without_files(warnings, parts))
        ),
    }


@dataclass(frozen=True)
class _Before:
    """What the weights had seen before the training part."""

    training_data: tuple[TrainingData, ...] = ()
    conditions_seen: tuple[str, ...] = ()


def _before(config: TrainingConfig) -> _Before:
    """Data that start weights and pretraining depend on, as far as it is known."""
    weights, cases = config.start.weights, config.pretraining.cases
    data: list[TrainingData] = []
    seen: tuple[str, ...] = ()
    if weights == "imagenet":
        data.append(_IMAGENET)
    elif weights is not None and weights.endswith(".safetensors"):
        name = f"whatever {Path(weights).name} was trained on"
        data.append(TrainingData(name=name, licence="licence of these weights", n_scans=0))
    elif weights is not None:
        card = read_card(weights)
        data += card.training_data
        seen = card.conditions_seen
    if config.pretraining.epochs and cases is not None:
        name = f"scans of {cases.name}, without their conditions"
        n_scans = len(read_case_table(cases, check_files=False).rows)
        data.append(TrainingData(name=name, licence="licence of these scans", n_scans=n_scans))
    return _Before(tuple(data), seen)


_IMAGENET = TrainingData(
    name="ImageNet (ILSVRC 2012), by EfficientNet-Lite0's published weights",
    licence="weights Apache-2.0",
    n_scans=1_281_167,
    source="https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite",
)


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
