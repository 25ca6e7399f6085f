"""What a training run works towards: the loop's only moving part.

    step -> draw -> observe (network, with gradient) -> loss -> the loop's optimiser

Several processes take a share of the batch each: every process draws the same batch, observes its
share, and computes the loss of all rows. So what `observe` uses has the gradient of a share, and
what only `loss` uses (the match head) that of the whole batch, on every process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import nn

from medsiam.encoders.twin import TwinEncoder
from medsiam.training.sampling import Indices


class Objective(Protocol):
    """One way to train a network. All of it is a pure function of its arguments and `state`."""

    @property
    def heads(self) -> nn.Module:
        """Throw-away modules, trained along with the network; an empty ModuleList if none."""
        ...

    def draw(self, step: int) -> Indices:
        """Return (n,) positions of the scans of a step's batch, n the same in every step."""
        ...

    def observe(
        self, network: TwinEncoder, positions: Indices, places: Indices, step: int
    ) -> torch.Tensor:
        """Show scans to the network.

        Args:
            network: in training mode.
            positions: (m,) of the scans: all of the batch, or one process's share.
            places: (m,) of each in the batch; seeds its augmentation.
            step: from 0.

        Returns:
            (m, ...) float32, one row per scan, with gradient.
        """
        ...

    def loss(self, rows: torch.Tensor, positions: Indices, step: int) -> torch.Tensor:
        """Return the scalar loss of a step; called once per step.

        Args:
            rows: (n, ...) of the whole batch, in its order.
            positions: (n,) as drawn.
            step: from 0.
        """
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return what the next step depends on beside the weights; empty if nothing."""
        ...

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a `state`."""
        ...
