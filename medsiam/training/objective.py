"""What a training run teaches: which scans meet, what the network says of them, and its loss."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medsiam.encoders import TwinEncoder

Indices = NDArray[np.int64]


class Objective(Protocol):
    """The moving part of the training loop.

    Attributes:
        heads: throw-away modules trained along; `nn.ModuleList()` if none.
    """

    heads: nn.Module

    def draw(self, step: int) -> Indices:
        """(n,) positions of the scans in the batch of this step: a pure function of the step."""

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """One row per scan, (m, ...), with gradient.

        Args:
            network: in training mode.
            positions: (m,) of this process's share of the batch.
            places: (m,) their places in the batch; they seed the augmentation.
            step: counted from 0.
        """

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Scalar, over the rows (n, ...) of the whole batch in order."""

    def state(self) -> dict[str, torch.Tensor]:
        """What changes from step to step beside the weights, such as a memory of embeddings."""

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what `state` gave."""
