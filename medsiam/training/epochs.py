"""What happens when an epoch ends: validate, compare with the best, sound alarms, record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsiam.cases import CaseRow
from medsiam.encoders import Encoder
from medsiam.training.alarms import EpochFigures, epoch_alarms, flat_loss
from medsiam.training.board import Board
from medsiam.training.checkpoints import Progress
from medsiam.training.dataset import PreparedScans
from medsiam.training.display import Display
from medsiam.training.distributed import World
from medsiam.training.learner import Learner, rate_factor
from medsiam.training.metric_objective import MetricObjective
from medsiam.training.objective import Objective
from medsiam.training.run_folder import write_metrics
from medsiam.training.settings import ScheduleSettings, TrainingConfig
from medsiam.training.validation import Validation, validate

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Run:
    """What all stages of a run need.

    Attributes:
        config: of the run.
        folder: the run folder.
        parts: "training", "validation", and "pretraining" where it has scans of its own.
        encoder: whose network is trained.
        display: for people.
        world: the processes.
        warnings: sentences about the data.
    """

    config: TrainingConfig
    folder: Path
    parts: dict[str, PreparedScans]
    encoder: Encoder
    display: Display
    world: World
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Phase:
    """One stretch of training.

    Attributes:
        name: "pretraining" or "training"; the latter is validated after every epoch.
        objective: what is taught.
        schedule: epochs, and how the rate rises and falls.
        learning_rate: at its highest.
        steps_per_epoch: at least 1.
    """

    name: str
    objective: Objective
    schedule: ScheduleSettings
    learning_rate: float
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Of all epochs."""
        return self.schedule.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        return self.learning_rate * rate_factor(step, self.steps_per_epoch, self.schedule)


def end_epoch(
    run: Run, phase: Phase, learner: Learner, progress: Progress, best: Weights, board: Board
) -> Weights:
    """Bring `progress` up to date after the last step of an epoch.

    Args:
        run: whose encoder is validated.
        phase: that the epoch belongs to.
        learner: has the weights.
        progress: changed.
        best: weights of the best epoch so far.
        board: takes the figures.

    Returns:
        the best weights now; in pretraining those of the newest epoch.
    """
    started = time.monotonic()
    epoch = progress.step // phase.steps_per_epoch
    run.world.average_buffers(run.encoder.network)
    weights = learner.averaged()
    record: dict[str, Any] = {
        "epoch": epoch,
        "loss": float(np.mean(progress.losses)),
        "learning_rate": phase.rate(progress.step - phase.steps_per_epoch),
    }
    if phase.name == "training":
        record |= _validated(run, phase, progress, weights)
        score = record["validation_score"]
        if progress.best_epoch == 0 or score > progress.best_score:
            progress.improved = epoch
        if progress.best_epoch == 0 or score >= progress.best_score:
            # At equal score the later weights win: they have learned more.
            progress.best_epoch, progress.best_score, best = epoch, score, weights
    else:
        best = weights
    record["seconds"] = round(progress.seconds + time.monotonic() - started, 2)
    progress.losses, progress.seconds, progress.n_compared = [], 0.0, 0
    progress.history.append(record)
    if run.world.is_first and phase.name == "training":
        write_metrics(run.folder, progress.history)
    board.add(phase.name, record)
    run.display.say(_line(phase, progress, record))
    if isinstance(phase.objective, MetricObjective):
        _sound_alarms(run, progress)
    return best


def is_over(run: Run, phase: Phase, progress: Progress) -> bool:
    """Whether the phase has had all its steps, or an end before that."""
    if progress.step >= phase.steps or progress.ended:
        return True
    if phase.name != "training" or progress.losses or not progress.history:
        return False
    waited = int(progress.history[-1]["epoch"]) - progress.improved
    if waited >= run.config.early_stop.patience:
        run.display.say(f"stopped: no better validation for {waited} epochs")
        progress.ended = True
    return progress.ended


def _validated(run: Run, phase: Phase, progress: Progress, weights: Weights) -> dict[str, Any]:
    """Figures of the encoder with these weights; it gets back those it learns with."""
    network = run.encoder.network
    learning = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    own: Callable[..., Validation] = getattr(phase.objective, "validate", validate)
    result = own(run.encoder, run.parts["validation"])
    figures: dict[str, Any] = {
        "validation_score": run.world.said_by_first(result.score),
        "validation_accuracy": result.accuracy,
        "validation_spread": run.world.said_by_first(result.spread),
    }
    if isinstance(phase.objective, MetricObjective):
        training = validate(run.encoder, _as_many(run.parts))
        figures["training_score"] = run.world.said_by_first(training.score)
        figures["n_compared"] = progress.n_compared
    network.load_state_dict(learning)
    return figures


def _as_many(parts: dict[str, PreparedScans]) -> PreparedScans:
    """As many training scans as there are to validate on: more would be easier to find among."""
    scans, n = parts["training"], len(parts["validation"].rows)
    if len(scans.rows) <= n:
        return scans
    chosen = _in_turn(scans.rows)[:n]
    return PreparedScans(
        tuple(scans.rows[i] for i in chosen),
        scans.tensors[chosen],
        tuple(scans.content_hashes[i] for i in chosen),
    )


def _in_turn(rows: Sequence[CaseRow]) -> list[int]:
    """Positions so that the first ones are of all conditions, and of different subjects."""
    seen: Counter[tuple[str, str]] = Counter()
    turns: Counter[tuple[str, int]] = Counter()
    keys = []
    for position, row in enumerate(rows):
        again = seen[row.condition, row.subject]  # scans of this subject that came before
        seen[row.condition, row.subject] += 1
        keys.append((again, turns[row.condition, again], row.condition, position))
        turns[row.condition, again] += 1
    return [position for *_, position in sorted(keys)]


def _sound_alarms(run: Run, progress: Progress) -> None:
    """Say each kind of alarm once; end the phase where going on is a waste of time."""
    history = [
        EpochFigures(
            loss=record["loss"],
            spread=record["validation_spread"],
            validation_score=record["validation_score"],
            training_score=record["training_score"],
            n_compared=record["n_compared"],
        )
        for record in progress.history
    ]
    epoch = progress.history[-1]["epoch"]
    for alarm in epoch_alarms(history, flat_loss=flat_loss(run.config.loss)):
        if alarm.code not in progress.alarms:
            progress.alarms.append(alarm.code)
            progress.warnings.append(alarm.sentence)
            run.display.say(f"warning: epoch {epoch}: {alarm.sentence}")
        if alarm.level == "stop":
            run.display.say(f"stopped: epoch {epoch}: {alarm.sentence}")
            progress.ended = True


def _line(phase: Phase, progress: Progress, record: dict[str, Any]) -> str:
    said = f"{phase.name}: epoch {record['epoch']} of {phase.schedule.epochs}: "
    said += f"loss {record['loss']:.4f}"
    if "validation_score" in record:
        said += (
            f", validation {record['validation_score']:.3f} (best {progress.best_score:.3f}, "
            f"epoch {progress.best_epoch})"
        )
    return f"{said}, {record['seconds']:.1f} s"
