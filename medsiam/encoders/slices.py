"""A part of a 2D network over the slices of a volume."""

from __future__ import annotations

import torch
from torch import nn

# Of a volume, evenly spaced: more of them cost their time and tell hardly more.
SLICES = 8
_AT_ONCE = 32  # slices; more take memory from each other and no less time


class EverySoManySlices(nn.Module):
    """Takes evenly spaced slices along the last axis; thin volumes keep all they have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channels, x, y, slices) -> (n, channels, x, y, at most `SLICES`)."""
        n = x.shape[-1]
        if n <= SLICES:
            return x
        taken = [int((place + 0.5) * n / SLICES) for place in range(SLICES)]
        return x[..., taken]


class SliceBySlice(nn.Module):
    """Applies a 2D module to each slice along the last axis, and stacks the results again."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channels, x, y, slices) -> (n, new channels, new x, new y, slices)."""
        slices = x.permute(0, 4, 1, 2, 3).flatten(0, 1)
        starts = range(0, len(slices), _AT_ONCE)
        maps = torch.cat([self.module(slices[i : i + _AT_ONCE]) for i in starts])
        return maps.reshape(len(x), -1, *maps.shape[1:]).permute(0, 2, 3, 4, 1)
