"""Metric learning: scans of one condition near each other, scans of two conditions far apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from medsiam.encoders.shape import ShapeBackbone
from medsiam.encoders.twin import TwinEncoder
from medsiam.training.dataset import PreparedScans
from medsiam.training.looks import Looks
from medsiam.training.losses import (
    contrastive_loss,
    match_loss,
    multi_similarity_loss,
    prototypical_loss,
    squared_distances,
    supervised_contrastive_loss,
    triplet_hinge,
)
from medsiam.training.memory import Memory
from medsiam.training.mining import hard_triplets, semi_hard_triplets
from medsiam.training.prefetch import Prefetch
from medsiam.training.sampling import (
    Episode,
    Indices,
    Pairs,
    Triplets,
    all_pairs,
    all_triplets,
    draw_batch,
    draw_episode,
    similar_and_not,
)
from medsiam.training.seeding import Purpose, generator_of, seed_of
from medsiam.training.settings import TrainingConfig
from medsiam.training.shape_features import ShapeFeatures


@dataclass(frozen=True)
class Compared:
    """What the loss of one step looked at.

    Attributes:
        n: triplets, pairs, anchors (supcon, multi_similarity) or queries (the others).
        active: share of them that still asks for a change: inside the margin, for the losses that
            have one; else 1. 0 where n is 0.
    """

    n: int
    active: float


@dataclass(frozen=True, eq=False)
class _Batch:
    """m rows of a step, n = m + those of earlier steps beside them, and who they are.

    Attributes:
        rows: (m, d) with gradient.
        everything: (n, d), `rows` first.
        conditions: (n,) codes.
        subjects: (n,) codes.
    """

    rows: torch.Tensor
    everything: torch.Tensor
    conditions: Indices
    subjects: Indices

    def masks(self) -> tuple[torch.Tensor, torch.Tensor]:
        positive, negative = similar_and_not(self.conditions, self.subjects, len(self.rows))
        return torch.from_numpy(positive), torch.from_numpy(negative)

    def pairs(self) -> Pairs:
        return all_pairs(self.conditions, self.subjects, len(self.rows))


class MetricObjective:
    """The losses of `[loss]` over the batches of `[sampling]`.

    Args:
        config: of the run.
        scans: the training part.
        network: the one to be trained; asked for its embedding's length and its match head. A
            shape backbone is fitted here, before anything learns from what it gives.

    Attributes:
        heads: what is trained along and thrown away.
        last: what the newest loss compared.
    """

    def __init__(self, config: TrainingConfig, scans: PreparedScans, network: TwinEncoder) -> None:
        self._settings = config.loss
        self._sampling = config.sampling
        self._seed = config.run.seed
        self._conditions, self._subjects = (
            np.unique(np.asarray(names), return_inverse=True)[1]
            for names in (scans.conditions, scans.subjects)
        )
        looks = Looks(
            config.augmentation,
            seed=config.run.seed,
            purpose=Purpose.LOOK,
        )
        self._batches = Prefetch(partial(looks, scans), draw=self.draw)
        backbone = network.backbone
        self._shapes = (
            ShapeFeatures(backbone, scans) if isinstance(backbone, ShapeBackbone) else None
        )
        self._match_head = network.match_head
        self.heads = nn.ModuleList(self._new_head(network.embedding_dim))
        self._memory = Memory(config.loss.memory)
        self.last = Compared(0, 0.0)

    def _new_head(self, embedding_dim: int) -> list[nn.Module]:
        """The classifier of cross_entropy, or the linear map of `head_dim`; at most one."""
        n_conditions = int(self._conditions.max()) + 1
        n_out = n_conditions if self._settings.kind == "cross_entropy" else self._settings.head_dim
        if n_out == 0:
            return []
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed_of(Purpose.HEAD, self._seed))
            return [nn.Linear(embedding_dim, n_out)]

    def draw(self, step: int) -> Indices:
        """Return (P * K,) positions of the scans of a step's batch."""
        return self._episode(step).positions

    def _episode(self, step: int) -> Episode:
        """The batch of a step, and which of it is support: none, unless sampling is episodic."""
        sampling = self._sampling
        random_state = generator_of(Purpose.BATCH, self._seed, step)
        if sampling.kind == "episodes":
            return draw_episode(
                self._conditions,
                self._subjects,
                conditions_per_batch=sampling.conditions_per_batch,
                scans_per_condition=sampling.scans_per_condition,
                support_per_condition=sampling.support_per_condition,
                uneven=sampling.uneven,
                random_state=random_state,
            )
        positions = draw_batch(
            self._conditions,
            self._subjects,
            conditions_per_batch=sampling.conditions_per_batch,
            scans_per_condition=sampling.scans_per_condition,
            random_state=random_state,
        )
        return Episode(positions, np.zeros(len(positions), dtype=bool))

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """Return (m, d): embeddings of augmented scans, through the head if there is one."""
        if self._shapes is not None:
            rows = network.of_features(self._shapes(positions))
        else:
            rows = network(self._batches(positions, places, step))
        for head in self.heads:
            rows = head(rows)
        return rows.float()

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Return the loss over all rows of a step, and remember them if there is a memory.

        Args:
            rows: (n, d).
            positions: (n,) as drawn.
            step: from 0.

        Raises:
            UsageError: a batch without anything similar or without anything dissimilar.
        """
        everyone = np.concatenate([positions, self._memory.positions])
        batch = _Batch(
            rows,
            torch.cat([rows, self._memory.rows]),
            self._conditions[everyone],
            self._subjects[everyone],
        )
        loss = self._compare(batch, step)
        self._memory.add(rows, positions)
        return loss

    def _compare(self, batch: _Batch, step: int) -> torch.Tensor:
        rows, settings = batch.rows, self._settings
        match settings.kind:
            case "contrastive":
                return self._contrastive(batch)
            case "triplet":
                return self._triplet(batch)
            case "supcon":
                masks = batch.masks()
                self.last = _all_active(int(masks[0].any(dim=1).sum()))
                return supervised_contrastive_loss(
                    rows, *masks, temperature=settings.temperature, candidates=batch.everything
                )
            case "multi_similarity":
                masks = batch.masks()
                self.last = _all_active(int(masks[0].any(dim=1).sum()))
                return multi_similarity_loss(rows, *masks, candidates=batch.everything)
            case "match":
                return self._match(batch)
            case "prototypical":
                return self._prototypical(batch, step)
            case "cross_entropy":
                self.last = _all_active(len(rows))
                return functional.cross_entropy(rows, torch.from_numpy(batch.conditions))

    def _contrastive(self, batch: _Batch) -> torch.Tensor:
        pairs, margin = batch.pairs(), self._settings.margin
        first, second = batch.rows[pairs.first], batch.everything[pairs.second]
        apart = torch.from_numpy(pairs.dissimilar)
        distance = torch.linalg.vector_norm((first - second).detach(), dim=1)
        asks = torch.where(apart, distance < margin, distance > 0)
        self.last = Compared(len(asks), float(asks.float().mean()) if len(asks) else 0.0)
        return contrastive_loss(first, second, apart, margin=margin)

    def _triplet(self, batch: _Batch) -> torch.Tensor:
        margin = self._settings.margin
        triplets = self._mine(batch)
        if triplets is None:
            # A product, not a constant: the network gets a gradient, and that of zero.
            self.last = Compared(0, 0.0)
            return batch.rows.sum() * 0.0
        squared = (batch.rows[:, None] - batch.everything).square().sum(dim=2)
        anchor = torch.from_numpy(triplets.anchor)
        to_positive = squared[anchor, torch.from_numpy(triplets.positive)]
        to_negative = squared[anchor, torch.from_numpy(triplets.negative)]
        asks = (to_positive - to_negative + margin).detach() > 0
        self.last = Compared(len(asks), float(asks.float().mean()) if len(asks) else 0.0)
        return triplet_hinge(to_positive, to_negative, margin=margin)

    def _mine(self, batch: _Batch) -> Triplets | None:
        """The triplets to learn from; None where mining leaves none of those there are."""
        kind = self._settings.mining
        if kind == "all":
            return all_triplets(batch.conditions, batch.subjects, len(batch.rows))
        squared = squared_distances(batch.rows, batch.everything).detach().numpy()
        positive, negative = similar_and_not(batch.conditions, batch.subjects, len(batch.rows))
        if kind == "hard":
            return hard_triplets(squared, positive, negative)
        found = semi_hard_triplets(squared, positive, negative, margin=self._settings.margin)
        comparable = bool((positive.any(axis=1) & negative.any(axis=1)).any())
        return None if len(found.anchor) == 0 and comparable else found

    def _match(self, batch: _Batch) -> torch.Tensor:
        assert self._match_head is not None  # asked for by the configuration
        pairs = batch.pairs()
        self.last = _all_active(len(pairs.first))
        logits = self._match_head(batch.rows[pairs.first], batch.rows[pairs.second])
        return match_loss(logits, torch.from_numpy(pairs.dissimilar))

    def _prototypical(self, batch: _Batch, step: int) -> torch.Tensor:
        is_support = self._episode(step).support
        self.last = _all_active(int((~is_support).sum()))
        return prototypical_loss(
            batch.rows[is_support],
            batch.conditions[is_support],
            batch.rows[~is_support],
            batch.conditions[~is_support],
            temperature=self._settings.temperature,
        )

    def state(self) -> dict[str, torch.Tensor]:
        """Return the cross-batch memory."""
        return self._memory.state()

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on with the cross-batch memory of a `state`."""
        self._memory.load_state(state)


def _all_active(n: int) -> Compared:
    return Compared(n, 1.0 if n else 0.0)
