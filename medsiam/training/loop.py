"""The training run, from case table to encoder, top to bottom.

    read and split -> start weights -> [pretraining] -> training -> [share, whitening] -> card, save

Every random thing is a pure function of (seed, step, place in the batch). So a run can be resumed
from its last checkpoint, wherever it was killed, and ends with the same bits; and several
processes (`medsiam.training.distributed`) do together what one process does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medsiam.cases import read_case_table
from medsiam.encoders import Encoder, new_encoder, save_encoder
from medsiam.errors import MedsiamError, NothingToDoError, StoppedError
from medsiam.training.board import Board, open_board
from medsiam.training.card import card_fields
from medsiam.training.checkpoints import (
    Progress,
    below_prefix,
    load_checkpoint,
    save_checkpoint,
    with_prefix,
)
from medsiam.training.dataset import PreparedScans, data_hash, prepare_rows
from medsiam.training.display import Display
from medsiam.training.distributed import World, joined_world
from medsiam.training.finishing import fit_whitening
from medsiam.training.learner import Learner, rate_factor
from medsiam.training.metric_objective import MetricObjective
from medsiam.training.objective import Objective
from medsiam.training.run_folder import (
    check_same_run,
    create_run_folder,
    write_config,
    write_environment,
    write_metrics,
    write_split,
)
from medsiam.training.settings import ScheduleSettings, TrainingConfig
from medsiam.training.split import split_rows
from medsiam.training.starting import begin, check_size, mix
from medsiam.training.stopping import stop_requests
from medsiam.training.validation import COLLAPSED, Validation, embed_part, validate


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What a run leaves.

    Attributes:
        folder: the run folder; its `encoder/` can be loaded.
        encoder: with the weights of the best epoch.
        best_epoch: counted from 1; 0 where nothing was trained.
        score: validation score of the encoder: nearest-case accuracy, mean over conditions.
        warnings: sentences a person should read before using the encoder.
    """

    folder: Path
    encoder: Encoder
    best_epoch: int
    score: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Run:
    """What all stages of a run need."""

    config: TrainingConfig
    folder: Path
    parts: dict[str, PreparedScans]
    encoder: Encoder
    display: Display
    world: World


@dataclass(frozen=True, eq=False)
class _Phase:
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


def train(
    config: TrainingConfig, *, out: Path | str, resume: bool = False, progress: bool = True
) -> TrainingRun:
    """Train an encoder on the CPU and write the run folder.

    The same configuration, data, versions and number of threads give the same weights, whether
    the run was interrupted and resumed or not. Global random states are left as they were.

    Args:
        config: the whole run.
        out: run folder, new or empty; to resume, the one of the run begun.
        resume: go on from the last checkpoint.
        progress: show on stderr what happens.

    Raises:
        CaseTableError: a table or scans that cannot be used, all faults listed.
        SplitError: subjects or pictures on both sides, or too few subjects.
        UsageError: a configuration whose parts do not fit each other, or not the run resumed.
        StoppedError: SIGINT or SIGTERM came; the run was saved and can be resumed.
        NothingToDoError: the run to be resumed is finished.
        OutputError: a run folder that is in use or cannot be written.
        MedsiamError: a loss that is not finite.
    """
    folder = Path(out)
    with torch.random.fork_rng(devices=[]), joined_world() as world:
        display = Display(enabled=progress and world.is_first)
        run, start = _begin(config, folder, resume, display, world)
        saved = load_checkpoint(folder) if resume else None
        return _finish(run, start, _train(run, saved))


def _begin(
    config: TrainingConfig, folder: Path, resume: bool, display: Display, world: World
) -> tuple[_Run, dict[str, torch.Tensor]]:
    """Read the scans, build the network with its start weights, open the run folder."""
    if resume and (folder / "encoder" / "card.json").is_file():
        raise NothingToDoError(f"run folder {folder}: finished; its encoder is {folder}/encoder")
    split = split_rows(
        read_case_table(config.data.cases).rows,
        base_conditions=config.data.base_conditions,
        settings=config.split,
        random_state=np.random.default_rng(config.run.seed),
    )
    encoder = new_encoder(
        config.architecture,
        config.recipe,
        name=config.run.name,
        licence=config.data.licence,
        random_state=config.run.seed,
    )
    start = begin(encoder.network, config.start)
    check_size(encoder.network, config.recipe.in_channels, config.recipe.spatial_size)
    if world.is_first and not resume:
        create_run_folder(folder)
    with display.bar("reading scans", len(split.train) + len(split.validation)) as advance:
        parts = {
            "training": prepare_rows(split.train, config.recipe, advance=advance),
            "validation": prepare_rows(split.validation, config.recipe, advance=advance),
        }
    content = data_hash(list(parts.values()))
    if resume and (folder / "config.toml").is_file():
        check_same_run(folder, config, data_hash=content)
    elif world.is_first:
        write_split(folder, parts)
        write_environment(folder, config, data_hash=content)
        write_config(folder, config)
    display.say(
        f"{len(split.train)} scans to train on, {len(split.validation)} to validate on "
        f"({sum(part.megabytes for part in parts.values()):.0f} MB in memory)"
    )
    world.copy_from_first(encoder.network.state_dict().values())
    return _Run(config, folder, parts, encoder, display, world), start


def _train(run: _Run, saved: tuple[Progress, dict[str, torch.Tensor]] | None) -> Progress:
    """Go through the phases that are not done yet; the network has the best weights then."""
    phases = _phases(run)
    names = [phase.name for phase in phases]
    progress, tensors = saved or (Progress(names[0] if names else "training"), {})
    for phase in phases[names.index(progress.phase) :] if names else []:
        if phase.name != progress.phase:
            progress, tensors = Progress(phase.name, warnings=progress.warnings), {}
        run.encoder.network.load_state_dict(_fit(run, phase, progress, tensors))
    return progress


def _phases(run: _Run) -> list[_Phase]:
    config, scans = run.config, run.parts["training"]
    phases = []
    if config.schedule.epochs:
        phases.append(
            _Phase(
                "training",
                MetricObjective(config, scans, run.encoder.network),
                config.schedule,
                config.optimiser.learning_rate,
                config.sampling.steps_per_epoch,
            )
        )
    return phases


def _fit(
    run: _Run, phase: _Phase, progress: Progress, tensors: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Train one phase to its last epoch, or until patience ends; return its best weights.

    Args:
        run: with the network, which is changed.
        phase: what to do.
        progress: how far the phase has come; kept up to date.
        tensors: of the checkpoint at that point; empty at the beginning.
    """
    network, display, world = run.encoder.network, run.display, run.world
    per_epoch, n_epochs = phase.steps_per_epoch, phase.schedule.epochs
    epochs_done = progress.step // per_epoch
    learner = Learner(
        network,
        phase.objective,
        settings=run.config.optimiser,
        rate=lambda step: phase.learning_rate * rate_factor(step, per_epoch, phase.schedule),
        seed=run.config.run.seed,
        world=world,
    )
    best = below_prefix("best", tensors) or learner.averaged()
    if tensors:
        learner.load_state(below_prefix("learner", tensors))

    def save() -> None:
        if world.is_first:
            everything = with_prefix("learner", learner.state()) | with_prefix("best", best)
            save_checkpoint(run.folder, progress, everything)

    with (
        open_board(run.folder, after_epoch=epochs_done, enabled=world.is_first) as board,
        display.bar(phase.name, n_epochs * per_epoch, done=progress.step) as advance,
        stop_requests(lambda: display.say("stopping after this step ...")) as stop,
    ):
        while progress.step < n_epochs * per_epoch and not _patience_is_over(run, phase, progress):
            started = time.monotonic()
            network.train()
            progress.losses.append(_finite(learner.take(progress.step), progress, per_epoch))
            progress.step += 1
            progress.seconds += time.monotonic() - started
            advance()
            if progress.step % per_epoch == 0:
                best = _end_epoch(run, phase, learner, progress, best, board)
                save()
            if world.any(stop.made):
                save()
                raise StoppedError(_how_to_resume(run, phase, progress))
    return best


def _end_epoch(
    run: _Run,
    phase: _Phase,
    learner: Learner,
    progress: Progress,
    best: dict[str, torch.Tensor],
    board: Board,
) -> dict[str, torch.Tensor]:
    """Validate, record and report the epoch that just ended; return the best weights so far."""
    started = time.monotonic()
    epoch = progress.step // phase.steps_per_epoch
    run.world.average_buffers(run.encoder.network)
    weights = learner.averaged()
    rate = phase.learning_rate * rate_factor(
        progress.step - phase.steps_per_epoch, phase.steps_per_epoch, phase.schedule
    )
    record: dict[str, Any] = {
        "epoch": epoch,
        "loss": float(np.mean(progress.losses)),
        "learning_rate": rate,
    }
    said = f"{phase.name}: epoch {epoch} of {phase.schedule.epochs}: loss {record['loss']:.4f}"
    if phase.name == "training":
        validation = _validate_with(run, phase, weights)
        score = run.world.said_by_first(validation.score)
        if progress.best_epoch == 0 or score > progress.best_score:
            progress.improved = epoch
        if progress.best_epoch == 0 or score >= progress.best_score:
            # At equal score the later weights win: they have learned more.
            progress.best_epoch, progress.best_score, best = epoch, score, weights
        record |= {
            "validation_score": score,
            "validation_accuracy": validation.accuracy,
            "validation_spread": validation.spread,
        }
        said += (
            f", validation {score:.3f} (best {progress.best_score:.3f}, epoch "
            f"{progress.best_epoch})"
        )
        if validation.collapsed and COLLAPSED not in progress.warnings:
            progress.warnings.append(COLLAPSED)
            run.display.say(f"warning: epoch {epoch}: {COLLAPSED}")
    else:
        best = weights
    record["seconds"] = round(progress.seconds + time.monotonic() - started, 2)
    progress.losses, progress.seconds = [], 0.0
    progress.history.append(record)
    if run.world.is_first and phase.name == "training":
        write_metrics(run.folder, progress.history)
    board.add(phase.name, record)
    run.display.say(f"{said}, {record['seconds']:.1f} s")
    return best


def _validate_with(run: _Run, phase: _Phase, weights: dict[str, torch.Tensor]) -> Validation:
    """Validate the encoder with these weights, then give it back those it learns with."""
    network = run.encoder.network
    learning = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    own: Callable[..., Validation] = getattr(phase.objective, "validate", validate)
    result = own(run.encoder, run.parts["validation"])
    network.load_state_dict(learning)
    return result


def _finish(run: _Run, start: dict[str, torch.Tensor], progress: Progress) -> TrainingRun:
    """Fit what is fitted on final weights, measure, write the card and save."""
    config, encoder = run.config, run.encoder
    encoder.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    mix(encoder.network, start, config.start.share)
    fit_whitening(encoder, run.parts["training"], config.whitening)
    encoder.network.eval()
    encoder = encoder.with_card()
    validation = validate(encoder, run.parts["validation"])
    embeddings = embed_part(encoder, run.parts["validation"])
    fields = card_fields(
        config,
        run.parts,
        validation,
        embeddings,
        best_epoch=progress.best_epoch,
        warnings=progress.warnings,
    )
    encoder = encoder.with_card(**fields)
    if run.world.is_first:
        save_encoder(encoder, run.folder / "encoder")
    return TrainingRun(
        run.folder, encoder, progress.best_epoch, validation.score, tuple(progress.warnings)
    )


def _patience_is_over(run: _Run, phase: _Phase, progress: Progress) -> bool:
    if phase.name != "training" or progress.losses or not progress.history:
        return False
    waited = int(progress.history[-1]["epoch"]) - progress.improved
    if waited >= run.config.early_stop.patience:
        run.display.say(f"stopped: no better validation for {waited} epochs")
        return True
    return False


def _finite(loss: float, progress: Progress, steps_per_epoch: int) -> float:
    if not math.isfinite(loss):
        raise MedsiamError(
            f"epoch {progress.step // steps_per_epoch + 1}: the loss is {loss}; lower "
            "optimiser.learning_rate or lengthen schedule.warmup_epochs"
        )
    return loss


def _how_to_resume(run: _Run, phase: _Phase, progress: Progress) -> str:
    total = phase.schedule.epochs * phase.steps_per_epoch
    return (
        f"stopped after step {progress.step} of {total} ({phase.name}) and saved; go on with: "
        f"medsiam train --resume {run.folder}"
    )
