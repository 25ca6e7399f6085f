"""Looks at prepared scans: each augmented by a seed of its own, whatever else is in the batch."""

from __future__ import annotations

import torch

from medsiam.preprocessing import Augmentation, augment
from medsiam.training.dataset import PreparedScans
from medsiam.training.sampling import Indices
from medsiam.training.seeding import Purpose, seed_of


class Looks:
    """Augmented looks at scans, decided by (seed, step, place) alone.

    Args:
        augmentation: ranges.
        seed: of the run.
        purpose: keeps the looks of pretraining and of training apart.
    """

    def __init__(self, augmentation: Augmentation, *, seed: int, purpose: Purpose) -> None:
        self._augmentation = augmentation
        self._seed = seed
        self._purpose = purpose

    def __call__(
        self, scans: PreparedScans, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """Look at scans once.

        Args:
            scans: the part they are from.
            positions: (n,) of the scans in the part.
            places: (n,) of each in the batch of this step.
            step: of training, from 0.

        Returns:
            (n, channels, *spatial_size).
        """
        seeds = [seed_of(self._purpose, self._seed, step, place) for place in places.tolist()]
        return augment(scans.tensors[torch.from_numpy(positions)], self._augmentation, seeds)
