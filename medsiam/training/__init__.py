"""TRAIN: case table -> patient-wise split -> batches -> losses -> loop -> run folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.training.baselines import TrainedBaselines as TrainedBaselines
    from medsiam.training.baselines import train_baselines as train_baselines
    from medsiam.training.loop import TrainingRun as TrainingRun
    from medsiam.training.loop import train as train
    from medsiam.training.past_run import RunRecord as RunRecord
    from medsiam.training.past_run import list_run_folders as list_run_folders
    from medsiam.training.past_run import read_run_record as read_run_record
    from medsiam.training.run_folder import read_config as read_config
    from medsiam.training.settings import TrainingConfig as TrainingConfig

_HOMES = {
    "RunRecord": ".past_run",
    "TrainedBaselines": ".baselines",
    "train_baselines": ".baselines",
    "TrainingConfig": ".settings",
    "TrainingRun": ".loop",
    "list_run_folders": ".past_run",
    "read_config": ".run_folder",
    "read_run_record": ".past_run",
    "train": ".loop",
}

__all__ = [*_HOMES]

__getattr__ = lazy_names(__name__, _HOMES)
