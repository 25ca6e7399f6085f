"""Looks at prepared scans: each augmented by a seed of its own, whatever else is in the batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from monai.data.meta_obj import get_track_meta, set_track_meta
from monai.transforms.transform import Randomizable

from medsiam.preprocessing import Augmentation, build_augmentation
from medsiam.training.dataset import PreparedScans
from medsiam.training.sampling import Indices
from medsiam.training.seeding import Purpose, seed_of


class Looks:
    """Augmented looks at scans, decided by (seed, step, place) alone.

    Args:
        augmentation: ranges.
        spatial_dims: 2 or 3.
        seed: of the run.
        purpose: keeps the looks of pretraining and of training apart.
    """

    def __init__(
        self, augmentation: Augmentation, *, spatial_dims: int, seed: int, purpose: Purpose
    ) -> None:
        self._augment = build_augmentation(augmentation, spatial_dims=spatial_dims, random_state=0)
        # One generator for all transforms, seeded anew for each look: a new one for each
        # transform and look, as Compose makes them, takes as long as the transforms themselves.
        self._random_state = np.random.RandomState()
        for transform in self._augment.transforms:
            if isinstance(transform, Randomizable):
                transform.set_random_state(state=self._random_state)
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
        with plain_tensors():
            return torch.stack(
                [
                    self._look(scans.tensors[position], seed_of(self._purpose, self._seed, step, i))
                    for position, i in zip(positions.tolist(), places.tolist(), strict=True)
                ]
            )

    def _look(self, tensor: torch.Tensor, seed: int) -> torch.Tensor:
        self._random_state.seed(seed)
        seen: torch.Tensor = self._augment(tensor)
        return seen


@contextmanager
def plain_tensors() -> Iterator[None]:
    """MONAI without its record of every step, which costs more than the steps on small images."""
    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)
