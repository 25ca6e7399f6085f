"""The training run, from case table to encoder, top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from medsiam.cases import read_case_table
from medsiam.encoders import Encoder, new_encoder, save_encoder
from medsiam.errors import MedsiamError
from medsiam.preprocessing import build_augmentation
from medsiam.training.alarms import COLLAPSED
from medsiam.training.card import card_fields
from medsiam.training.dataset import PreparedScans, data_hash, prepare_rows
from medsiam.training.display import Display
from medsiam.training.losses import contrastive_loss, supervised_contrastive_loss, triplet_loss
from medsiam.training.run_folder import (
    create_run_folder,
    write_config,
    write_environment,
    write_metrics,
    write_split,
)
from medsiam.training.sampling import all_pairs, all_triplets, draw_batch, similar_and_not
from medsiam.training.settings import LossSettings, ScheduleSettings, TrainingConfig
from medsiam.training.split import split_rows
from medsiam.training.validation import Validation, validate


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What a run leaves.

    Attributes:
        folder: the run folder; its `encoder/` can be loaded.
        encoder: with the weights of the best epoch.
        best_epoch: counted from 1.
        score: validation score of that epoch: nearest-case accuracy, mean over conditions.
        warnings: sentences a person should read before using the encoder.
    """

    folder: Path
    encoder: Encoder
    best_epoch: int
    score: float
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Best:
    """The best epoch so far."""

    epoch: int
    validation: Validation
    weights: dict[str, torch.Tensor]


def train(config: TrainingConfig, *, out: Path | str, progress: bool = True) -> TrainingRun:
    """Train an encoder on the CPU and write the run folder.

    The same configuration, data, versions and number of threads give the same weights. Global
    random states are left as they were.

    Args:
        config: the whole run.
        out: run folder, new or empty.
        progress: show on stderr what happens.

    Raises:
        CaseTableError: a table or scans that cannot be used, all faults listed.
        SplitError: subjects on both sides, or too few of them.
        OutputError: a run folder that is in use or cannot be written.
        MedsiamError: a loss that is not finite.
    """
    folder = Path(out)
    display = Display(enabled=progress)
    # Dropout inside a network draws from torch's global generator.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.run.seed)
        return _train(config, folder, display)


def _train(config: TrainingConfig, folder: Path, display: Display) -> TrainingRun:
    split_random, batch_random = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(config.run.seed).spawn(2)
    )
    table = read_case_table(config.data.cases)
    split = split_rows(
        table.rows,
        base_conditions=config.data.base_conditions,
        settings=config.split,
        random_state=split_random,
    )
    create_run_folder(folder)
    with display.bar("reading scans", len(split.train) + len(split.validation)) as advance:
        train_scans = prepare_rows(split.train, config.recipe, advance=advance)
        validation_scans = prepare_rows(split.validation, config.recipe, advance=advance)
    parts = {"training": train_scans, "validation": validation_scans}
    write_config(folder, config)
    write_split(folder, parts)
    write_environment(folder, config, data_hash=data_hash(list(parts.values())))
    display.say(
        f"{len(train_scans.rows)} scans to train on, {len(validation_scans.rows)} to validate on "
        f"({train_scans.megabytes + validation_scans.megabytes:.0f} MB in memory)"
    )

    encoder = new_encoder(
        config.architecture,
        config.recipe,
        name=config.run.name,
        licence=config.data.licence,
        random_state=config.run.seed,
    )
    best, warnings = _fit(encoder, config, parts, batch_random, folder, display)
    encoder.network.load_state_dict(best.weights)
    encoder = encoder.with_card(
        **card_fields(config, parts, best.validation, best_epoch=best.epoch, warnings=warnings)
    )
    save_encoder(encoder, folder / "encoder")
    return TrainingRun(folder, encoder, best.epoch, best.validation.score, tuple(warnings))


def _fit(
    encoder: Encoder,
    config: TrainingConfig,
    parts: dict[str, PreparedScans],
    random_state: np.random.Generator,
    folder: Path,
    display: Display,
) -> tuple[_Best, list[str]]:
    """Train to the last epoch or until patience ends; return the best epoch, and warnings."""
    learner = _Learner(encoder, config, parts["training"], random_state)
    best: _Best | None = None
    improved = 0  # epoch of the last rise of the score
    history: list[dict[str, Any]] = []
    warnings: list[str] = []
    n_epochs = config.schedule.epochs
    with (
        SummaryWriter(str(folder / "tensorboard")) as board,
        display.bar("training", n_epochs * config.sampling.steps_per_epoch) as advance,
    ):
        for epoch in range(1, n_epochs + 1):
            started = time.monotonic()
            learning_rate, loss = learner.learning_rate, learner.run_epoch(epoch, advance)
            validation = validate(encoder, parts["validation"])

            if best is None or validation.score > best.validation.score:
                improved = epoch
            if best is None or validation.score >= best.validation.score:
                # At equal score the later weights win: they have learned more.
                weights = {k: v.clone() for k, v in encoder.network.state_dict().items()}
                best = _Best(epoch, validation, weights)
            if validation.collapsed and COLLAPSED not in warnings:
                warnings.append(COLLAPSED)
                display.say(f"warning: epoch {epoch}: {COLLAPSED}")

            seconds = time.monotonic() - started
            history.append(_record(epoch, loss, learning_rate, validation, seconds))
            write_metrics(folder, history)
            for name in ("loss", "learning_rate", "validation_score", "validation_spread"):
                board.add_scalar(name, history[-1][name], epoch)
            display.say(
                f"epoch {epoch} of {n_epochs}: loss {loss:.4f}, validation "
                f"{validation.score:.3f} (best {best.validation.score:.3f}, epoch {best.epoch}), "
                f"{seconds:.1f} s"
            )
            if epoch - improved >= config.early_stop.patience:
                display.say(f"stopped: no better validation for {epoch - improved} epochs")
                break
    assert best is not None  # there is at least one epoch
    return best, warnings


class _Learner:
    """The network with what changes it: batches, loss, optimiser, schedule."""

    def __init__(
        self,
        encoder: Encoder,
        config: TrainingConfig,
        scans: PreparedScans,
        random_state: np.random.Generator,
    ) -> None:
        self._network = encoder.network
        self._config = config
        self._scans = scans
        self._random_state = random_state
        self._augment = build_augmentation(
            config.augmentation,
            spatial_dims=config.recipe.spatial_dims,
            random_state=int(random_state.integers(2**32)),
        )
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(),
            lr=config.optimiser.learning_rate,
            weight_decay=config.optimiser.weight_decay,
        )
        n_steps = config.sampling.steps_per_epoch
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            self._optimiser, lambda step: rate_factor(step, n_steps, config.schedule)
        )

    @property
    def learning_rate(self) -> float:
        """Rate of the next step."""
        return float(self._optimiser.param_groups[0]["lr"])

    def run_epoch(self, epoch: int, advance: Callable[[], None]) -> float:
        """Take the steps of one epoch and return their mean loss."""
        self._network.train()
        losses = []
        for _ in range(self._config.sampling.steps_per_epoch):
            losses.append(self._step())
            if not math.isfinite(losses[-1]):
                raise MedsiamError(
                    f"epoch {epoch}: the loss is {losses[-1]}; lower optimiser.learning_rate or "
                    "lengthen schedule.warmup_epochs"
                )
            advance()
        return float(np.mean(losses))

    def _step(self) -> float:
        sampling = self._config.sampling
        positions = draw_batch(
            self._scans.conditions,
            self._scans.subjects,
            conditions_per_batch=sampling.conditions_per_batch,
            scans_per_condition=sampling.scans_per_condition,
            random_state=self._random_state,
        )
        rows = [self._scans.rows[i] for i in positions]
        embeddings = self._network(self._scans.batch(positions, self._augment))
        loss = batch_loss(
            embeddings,
            [row.condition for row in rows],
            [row.subject for row in rows],
            settings=self._config.loss,
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()
        return loss.item()


def batch_loss(
    embeddings: torch.Tensor,
    conditions: Sequence[str],
    subjects: Sequence[str],
    *,
    settings: LossSettings,
) -> torch.Tensor:
    """Return the loss over all that can be compared in a batch.

    Args:
        embeddings: (n, d).
        conditions: of each scan in the batch.
        subjects: of each scan in the batch.
        settings: which loss, and its margin or temperature.
    """
    if settings.kind == "contrastive":
        pairs = all_pairs(conditions, subjects)
        return contrastive_loss(
            embeddings[pairs.first],
            embeddings[pairs.second],
            torch.from_numpy(pairs.dissimilar),
            margin=settings.margin,
        )
    if settings.kind == "supcon":
        positive, negative = map(torch.from_numpy, similar_and_not(conditions, subjects))
        return supervised_contrastive_loss(
            embeddings, positive, negative, temperature=settings.temperature
        )
    triplets = all_triplets(conditions, subjects)
    return triplet_loss(
        embeddings[triplets.anchor],
        embeddings[triplets.positive],
        embeddings[triplets.negative],
        margin=settings.margin,
    )


def rate_factor(step: int, steps_per_epoch: int, schedule: ScheduleSettings) -> float:
    """Return the share of the full learning rate at a step: a linear rise, then a half cosine.

    Args:
        step: counted from 0.
        steps_per_epoch: at least 1.
        schedule: length of both parts.
    """
    warmup = schedule.warmup_epochs * steps_per_epoch
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / (schedule.epochs * steps_per_epoch - warmup)
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _record(
    epoch: int, loss: float, learning_rate: float, validation: Validation, seconds: float
) -> dict[str, Any]:
    """One line of metrics.jsonl; the learning rate is that of the epoch's first step."""
    return {
        "epoch": epoch,
        "loss": loss,
        "learning_rate": learning_rate,
        "validation_score": validation.score,
        "validation_accuracy": validation.accuracy,
        "validation_spread": validation.spread,
        "seconds": round(seconds, 2),
    }
