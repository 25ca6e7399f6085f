"""A part of a 2D network over the slices of a volume."""

from __future__ import annotations

import torch
from torch import nn


class SliceBySlice(nn.Module):
    """Applies a 2D module to each slice along the last axis, and stacks the results again."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channels, x, y, slices) -> (n, new channels, new x, new y, slices)."""
        maps: torch.Tensor = self.module(x.movedim(-1, 1).flatten(0, 1))
        return maps.reshape(len(x), -1, *maps.shape[1:]).movedim(1, -1)
