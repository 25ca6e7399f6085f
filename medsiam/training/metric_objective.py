"""Scans of one condition near, of two conditions far: the objective of a twin encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from medsiam.encoders import TwinEncoder
from medsiam.training.augmented import AugmentedScans
from medsiam.training.dataset import PreparedScans
from medsiam.training.losses import contrastive_loss, supervised_contrastive_loss, triplet_loss
from medsiam.training.sampling import (
    Indices,
    all_pairs,
    all_triplets,
    draw_batch,
    similar_and_not,
)
from medsiam.training.settings import LossSettings, TrainingConfig


class MetricObjective:
    """Batches of P conditions by K scans, one embedding each."""

    def __init__(self, config: TrainingConfig, scans: PreparedScans) -> None:
        self.heads: nn.Module = nn.ModuleList()
        self._config = config
        self._conditions, self._subjects = scans.conditions, scans.subjects
        self._looks = AugmentedScans(
            scans.tensors, config.augmentation, seed=config.run.seed, draw=self.draw
        )

    def draw(self, step: int) -> Indices:
        """(P * K,) positions."""
        sampling = self._config.sampling
        return draw_batch(
            self._conditions,
            self._subjects,
            conditions_per_batch=sampling.conditions_per_batch,
            scans_per_condition=sampling.scans_per_condition,
            random_state=np.random.default_rng((self._config.run.seed, step)),
        )

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """(m, embedding_dim)."""
        embeddings: torch.Tensor = network(self._looks(positions, places, step))
        return embeddings

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Scalar over all that can be compared in the batch."""
        return batch_loss(
            rows,
            [self._conditions[i] for i in positions],
            [self._subjects[i] for i in positions],
            settings=self._config.loss,
        )

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing."""
        return {}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Nothing to take back."""


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
