"""Measures of different units made comparable: standardised, clipped, one weight per family."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from medsiam.errors import UsageError

LARGEST = 3.0  # standard deviations beyond which a measure says no more
_LEAST_SPREAD = 0.02  # mm, ml or share: what varies less is noise of the segmentation


class MeasureScale(nn.Module):
    """z-scores of measures, clipped, each family of measures with the same weight in all.

    The identity until it is fitted. All it knows is in its buffers, so it is saved with the
    weights.
    """

    mean: torch.Tensor
    spread: torch.Tensor
    weight: torch.Tensor
    limit: torch.Tensor

    def __init__(self, families: Sequence[str]) -> None:
        """Prepare for measures of these families, one name per measure."""
        super().__init__()
        self._families = tuple(families)
        n = len(self._families)
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("spread", torch.ones(n))
        self.register_buffer("weight", torch.ones(n))
        self.register_buffer("limit", torch.full((1,), math.inf))

    def fit(self, measures: torch.Tensor) -> None:
        """Take mean and spread from scans.

        Args:
            measures: (n, d) of the training scans, unscaled, at least two.

        Raises:
            UsageError: fewer than two scans, or another number of measures.
        """
        if measures.ndim != 2 or len(measures) < 2 or measures.shape[1] != len(self._families):
            raise UsageError(
                f"scaling needs (n, {len(self._families)}) measures of at least two scans, got "
                f"{tuple(measures.shape)}"
            )
        spread = measures.std(dim=0)
        steady = spread < _LEAST_SPREAD
        sizes = [self._families.count(family) for family in self._families]
        weight = 1 / torch.tensor(sizes, dtype=measures.dtype).sqrt()
        self.mean.copy_(measures.mean(dim=0))
        self.spread.copy_(spread.masked_fill(steady, 1.0))
        self.weight.copy_(weight.masked_fill(steady, 0.0))
        self.limit.fill_(LARGEST)

    def forward(self, measures: torch.Tensor) -> torch.Tensor:
        """(n, d) -> (n, d)."""
        scores = (measures - self.mean) / self.spread
        scaled: torch.Tensor = scores.clamp(-self.limit, self.limit) * self.weight
        return scaled
