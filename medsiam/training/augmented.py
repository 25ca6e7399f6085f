"""Prepared scans as the network sees them in training: each look at a scan varied at random.

What varies is a pure function of the run's seed, the step and the scan's place in the batch. So a
resumed run sees what the uninterrupted one would have seen, and several processes together see
what one process would see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from monai.data.meta_obj import get_track_meta, set_track_meta

from medsiam.preprocessing import Augmentation, build_augmentation
from medsiam.training.prefetch import Indices, Prefetch


def place_seed(seed: int, step: int, place: int, look: int = 0) -> int:
    """Return the seed, below 2**32, of one look at the scan at one place of one step's batch."""
    return int(np.random.SeedSequence((seed, step, place, look)).generate_state(1)[0])


class AugmentedScans:
    """Batches of augmented scans, made one step ahead in the background.

    Call it with (positions, places, step) for a tensor (m, channels, *spatial_size), images in
    the memory order that convolutions work fastest on.
    """

    def __init__(
        self,
        tensors: torch.Tensor,
        augmentation: Augmentation,
        *,
        seed: int,
        draw: Callable[[int], Indices],
        look: int = 0,
    ) -> None:
        """Keep the scans.

        Args:
            tensors: (n, channels, *spatial_size), prepared.
            augmentation: what may vary.
            seed: of the run.
            draw: step -> positions of its whole batch, the objective's own `draw`.
            look: tells several looks at the same place of the same step apart.
        """
        self._tensors = tensors
        self._seed = seed
        self._look = look
        self._augment = build_augmentation(
            augmentation, spatial_dims=tensors.ndim - 2, random_state=seed
        )
        self._batches = Prefetch(self._make, draw=draw)

    def __call__(self, positions: Indices, places: Indices, step: int) -> torch.Tensor:
        """Return these scans as they look at these places of this step."""
        return self._batches(positions, places, step)

    def _make(self, positions: Indices, places: Indices, step: int) -> torch.Tensor:
        with _plain_tensors():
            looks = [
                self._varied(self._tensors[int(position)], int(place), step)
                for position, place in zip(positions, places, strict=True)
            ]
        return torch.stack(looks).contiguous(memory_format=memory_format(self._tensors.ndim - 2))

    def _varied(self, scan: torch.Tensor, place: int, step: int) -> torch.Tensor:
        self._augment.set_random_state(place_seed(self._seed, step, place, self._look))
        varied: torch.Tensor = self._augment(scan)
        return varied


def memory_format(spatial_dims: int) -> torch.memory_format:
    """Return the order of values in memory that training is fastest with on a CPU.

    Channels last takes 0.75 to 0.9 of the time on images; on volumes it makes no difference that
    benchmarks/training_speed.py could see.
    """
    return torch.channels_last if spatial_dims == 2 else torch.contiguous_format


@contextmanager
def _plain_tensors() -> Iterator[None]:
    """MONAI without its record of every step, which costs more than the steps on small images."""
    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)
