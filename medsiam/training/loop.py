"""The training run, from case table to encoder, top to bottom.

    read and split -> start weights -> [pretraining] -> training -> [share, whitening] -> card, save

Every random thing is a pure function of (seed, step, place in the batch). So a run can be resumed
from its last checkpoint, wherever it was killed, and ends with the same bits; and several
processes (`medsiam.training.distributed`) do together what one process does.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from medsiam.cases import CaseRow, read_case_table
from medsiam.encoders import Encoder, TwinEncoder, new_encoder, save_encoder
from medsiam.errors import MedsiamError, NothingToDoError, StoppedError
from medsiam.training.alarms import data_alarms
from medsiam.training.board import open_board
from medsiam.training.checkpoints import (
    Progress,
    below_prefix,
    load_checkpoint,
    save_checkpoint,
    with_prefix,
)
from medsiam.training.copies import join_copies, refuse_copies
from medsiam.training.dataset import PreparedScans, prepare_parts, told_remarks
from medsiam.training.display import Display
from medsiam.training.distributed import World, joined_world
from medsiam.training.epochs import Phase, Run, end_epoch, is_over
from medsiam.training.finishing import finish
from medsiam.training.inputs import Inputs, data_hash, masks_hash, weights_hash
from medsiam.training.learner import Learner
from medsiam.training.masks import check_masks
from medsiam.training.metric_objective import MetricObjective
from medsiam.training.pretraining import PretrainingObjective
from medsiam.training.run_folder import (
    CONFIG,
    check_run_folder,
    check_same_run,
    write_config,
    write_environment,
    write_split,
)
from medsiam.training.segmentation import SegmentationObjective
from medsiam.training.settings import ScheduleSettings, TrainingConfig
from medsiam.training.split import check_disjoint, split_rows
from medsiam.training.starting import begin, check_size
from medsiam.training.stopping import stop_requests


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
) -> tuple[Run, dict[str, torch.Tensor]]:
    """Read the scans, build the network with its start weights, open the run folder."""
    if resume and (folder / "encoder" / "card.json").is_file():
        raise NothingToDoError(f"run folder {folder}: finished; its encoder is {folder}/encoder")
    rows = _rows(config, display)
    encoder = new_encoder(
        config.architecture,
        config.recipe,
        name=config.run.name,
        licence=config.data.licence,
        random_state=config.run.seed,
    )
    start = begin(encoder.network, config.start)
    check_size(encoder.network, config.recipe.in_channels, config.recipe.spatial_size)
    if world.is_first and not (resume and (folder / CONFIG).is_file()):
        check_run_folder(folder, resume=resume)
    with display.bar("reading scans", sum(map(len, rows.values()))) as advance:
        parts = prepare_parts(rows, config.recipe, advance=advance)
    parts, warnings = _checked(parts, config)
    inputs = _inputs(parts, config, encoder.network)
    if resume and (folder / CONFIG).is_file():
        check_same_run(folder, config, inputs)
    elif world.is_first:
        write_split(folder, parts)
        write_environment(folder, config, inputs)
        write_config(folder, config)
    display.say(
        f"{len(parts['training'].rows)} scans to train on, {len(parts['validation'].rows)} to "
        f"validate on ({sum(part.megabytes for part in parts.values()):.0f} MB in memory)"
    )
    for warning in warnings:
        display.say(f"warning: {warning}")
    world.copy_from_first(encoder.network.state_dict().values())
    return Run(config, folder, parts, encoder, display, world, warnings), start


def _checked(
    parts: dict[str, PreparedScans], config: TrainingConfig
) -> tuple[dict[str, PreparedScans], tuple[str, ...]]:
    """The parts with copies on one side, and what a person should know of them."""
    moved: tuple[str, ...] = ()
    if config.split.validation is None:
        parts, moved = join_copies(parts)
        check_disjoint({name: scans.rows for name, scans in parts.items() if name != "training"})
    alarms = data_alarms((*parts["training"].rows, *parts["validation"].rows))
    told = (*told_remarks(parts), *moved, *refuse_copies(parts))
    return parts, (*told, *(alarm.sentence for alarm in alarms))


def _inputs(
    parts: dict[str, PreparedScans], config: TrainingConfig, network: TwinEncoder
) -> Inputs:
    """What the run is begun with."""
    learned = (*parts["training"].rows, *parts["validation"].rows)
    return Inputs(
        data_hash(list(parts.values())),
        masks_hash(learned) if config.encoder.anatomy is not None else None,
        weights_hash(network.state_dict()) if config.start.weights is not None else None,
    )


def _rows(config: TrainingConfig, display: Display) -> dict[str, tuple[CaseRow, ...]]:
    """Rows of the case tables by what they are for; nobody trains and validates."""
    table = read_case_table(config.data.cases)
    for notice in table.notices:
        display.say(f"note: {notice}")
    split = split_rows(
        table.rows,
        base_conditions=config.data.base_conditions,
        settings=config.split,
        random_state=np.random.default_rng(config.run.seed),
    )
    if config.encoder.anatomy is not None:
        check_masks((*split.train, *split.validation))
    rows = {"training": split.train, "validation": split.validation}
    if config.pretraining.epochs and config.pretraining.cases is not None:
        rows["pretraining"] = _without_unseen(
            config, {row.condition for row in table.rows}, display
        )
        check_disjoint({"pretraining": rows["pretraining"], "validation": split.validation})
    return rows


def _without_unseen(
    config: TrainingConfig, known: set[str], display: Display
) -> tuple[CaseRow, ...]:
    """The scans to pretrain on: none of a condition that is kept for measuring."""
    assert config.pretraining.cases is not None
    table = read_case_table(config.pretraining.cases)
    for notice in table.notices:
        display.say(f"note: {notice}")
    unseen = known - set(config.data.base_conditions or known)
    kept = tuple(row for row in table.rows if row.condition not in unseen)
    if len(kept) < len(table.rows):
        display.say(
            f"note: {len(table.rows) - len(kept)} scans of conditions that are none of "
            "data.base_conditions are left out of pretraining"
        )
    return kept


def _train(run: Run, saved: tuple[Progress, dict[str, torch.Tensor]] | None) -> Progress:
    """Go through the phases that are not done yet; the network has the best weights then."""
    phases = _phases(run)
    names = [phase.name for phase in phases]
    progress, tensors = saved or (Progress("", warnings=list(run.warnings)), {})
    for phase in phases[names.index(progress.phase) if progress.phase in names else 0 :]:
        if phase.name != progress.phase:
            progress, tensors = Progress(phase.name, warnings=progress.warnings), {}
        run.encoder.network.load_state_dict(_fit(run, phase, progress, tensors))
    return progress


def _phases(run: Run) -> list[Phase]:
    """What is to be trained, in order; nothing where both sections say `epochs = 0`."""
    config, parts, network = run.config, run.parts, run.encoder.network
    phases = []
    if config.pretraining.epochs:
        settings, scans = config.pretraining, parts.get("pretraining", parts["training"])
        phases.append(
            Phase(
                "pretraining",
                PretrainingObjective(config, scans, network),
                ScheduleSettings(epochs=settings.epochs, warmup_epochs=min(1, settings.epochs - 1)),
                settings.learning_rate,
                max(1, len(scans.rows) // settings.scans_per_batch),
            )
        )
    if config.schedule.epochs:
        phases.append(
            Phase(
                "training",
                _objective(config, parts["training"], network),
                config.schedule,
                config.optimiser.learning_rate,
                config.sampling.steps_per_epoch,
            )
        )
    return phases


def _objective(
    config: TrainingConfig, scans: PreparedScans, network: TwinEncoder
) -> SegmentationObjective | MetricObjective:
    """An encoder that measures learns to segment; all others learn to compare."""
    if config.encoder.anatomy is not None:
        return SegmentationObjective(config, scans)
    return MetricObjective(config, scans, network)


def _fit(
    run: Run, phase: Phase, progress: Progress, tensors: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Train one phase to its last epoch, or until patience ends; return its best weights.

    Args:
        run: with the network, which is changed.
        phase: what to do.
        progress: how far the phase has come; kept up to date.
        tensors: of the checkpoint at that point; empty at the beginning.
    """
    network, display, world = run.encoder.network, run.display, run.world
    learner = Learner(
        network,
        phase.objective,
        settings=run.config.optimiser,
        rate=phase.rate,
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

    epochs_done = progress.step // phase.steps_per_epoch
    with (
        open_board(run.folder, after_epoch=epochs_done, enabled=world.is_first) as board,
        display.bar(phase.name, phase.steps, done=progress.step) as advance,
        stop_requests(lambda: display.say("stopping after this step ...")) as stop,
    ):
        while True:
            if world.any(stop.made):
                save()
                raise StoppedError(
                    f"stopped after step {progress.step} of {phase.steps} ({phase.name}) and "
                    f"saved; go on with: medsiam train --resume {run.folder}"
                )
            if progress.losses and progress.step % phase.steps_per_epoch == 0:
                best = end_epoch(run, phase, learner, progress, best, board)
                save()
                continue
            if is_over(run, phase, progress):
                return best
            started = time.monotonic()
            network.train()
            progress.losses.append(_finite(learner.take(progress.step), phase, progress))
            if isinstance(phase.objective, MetricObjective):
                progress.n_compared += phase.objective.last.n
            progress.step += 1
            progress.seconds += time.monotonic() - started
            advance()


def _finish(run: Run, start: dict[str, torch.Tensor], progress: Progress) -> TrainingRun:
    """Fit what is fitted on final weights, measure, write the card, save."""
    done = finish(
        run.encoder,
        run.config,
        run.parts,
        start,
        best_epoch=progress.best_epoch,
        warnings=progress.warnings,
    )
    for warning in done.warnings[len(progress.warnings) :]:
        run.display.say(f"warning: {warning}")
    if run.world.is_first:
        save_encoder(done.encoder, run.folder / "encoder")
    return TrainingRun(run.folder, done.encoder, progress.best_epoch, done.score, done.warnings)


def _finite(loss: float, phase: Phase, progress: Progress) -> float:
    if not math.isfinite(loss):
        raise MedsiamError(
            f"epoch {progress.step // phase.steps_per_epoch + 1}: the loss is {loss}; lower "
            "optimiser.learning_rate or lengthen schedule.warmup_epochs"
        )
    return loss
