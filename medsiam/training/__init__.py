"""TRAIN: case table -> patient-wise split -> batches -> losses -> loop -> run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.training.loop import TrainingRun as TrainingRun
    from medsiam.training.loop import train as train
    from medsiam.training.settings import TrainingConfig as TrainingConfig

__all__ = ["TrainingConfig", "TrainingRun", "train"]

__getattr__ = lazy_names(
    __name__, {"TrainingConfig": ".settings", "TrainingRun": ".loop", "train": ".loop"}
)
