"""A network as stages from the input on, whose pooled feature maps describe an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from medsiam.encoders.pooling import centre_pool, mean_pool
from medsiam.errors import UsageError

POOLINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "mean": mean_pool,
    "centre": centre_pool,
}


class Backbone(nn.Module):
    """From images to pooled features.

    Attributes:
        stages: the network's parts, from the input on, that run one after the other.
        feature_dim: length of the pooled features.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        stages: Sequence[nn.Module],
        channels: Sequence[int],
        taps: Sequence[int] | None = None,
        pooling: str = "mean",
    ) -> None:
        """Describe a network.

        Args:
            network: holds the weights; `stages` are its parts, in their order.
            stages: run one after the other.
            channels: of each stage's feature map.
            taps: stages whose features are joined, each brought to unit length where there are
                several; None: the last.
            pooling: one of `POOLINGS`.

        Raises:
            UsageError: a tap that is no stage.
        """
        super().__init__()
        self.network = network
        self.stages = tuple(stages)  # not registered again: the weights keep the network's names
        self._taps = tuple(taps) if taps is not None else (len(stages) - 1,)
        wrong = [tap for tap in self._taps if not 0 <= tap < len(stages)]
        if wrong or not self._taps or len(set(self._taps)) < len(self._taps):
            raise UsageError(
                f"stages = {list(self._taps)}: this backbone has stages 0 to {len(stages) - 1}, "
                "each to be named once"
            )
        self._pool = POOLINGS[pooling]
        self.feature_dim = sum(channels[tap] for tap in self._taps)
        self._n_frozen = 0
        self._statistics_frozen = False

    def feature_maps(self, x: torch.Tensor) -> torch.Tensor:
        """Last feature map that is used: (n, in_channels, *size) -> (n, channels, *map size)."""
        return self.used_maps(x)[-1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, in_channels, *size) -> (n, feature_dim)."""
        return self.pooled(self.used_maps(x))

    def pooled(self, used_maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """What `used_maps` gives -> (n, feature_dim)."""
        pooled = [self._pool(maps) for maps in used_maps]
        if len(pooled) == 1:
            return pooled[0]
        return torch.cat([functional.normalize(part, dim=1) for part in pooled], dim=1)

    def freeze(self, n_stages: int, *, statistics: bool) -> None:
        """Keep the first stages as they are in whatever training follows.

        Args:
            n_stages: how many, from the input on: neither weights nor statistics change.
            statistics: keep the batch normalisation statistics of all other stages too, as few
                scans give worse ones than the many that pretrained weights have seen.

        Raises:
            UsageError: more stages than there are.
        """
        if n_stages > len(self.stages):
            raise UsageError(
                f"start.frozen_stages = {n_stages}: this backbone has {len(self.stages)} stages"
            )
        self._n_frozen, self._statistics_frozen = n_stages, statistics
        for stage in self.stages[:n_stages]:
            stage.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but for what is frozen."""
        super().train(mode)
        for stage in self.stages[: self._n_frozen]:
            stage.eval()
        if self._statistics_frozen:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def used_maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Every feature map that is pooled: (n, in_channels, *size) -> (n, channels, *map size)."""
        found: dict[int, torch.Tensor] = {}
        for place, stage in enumerate(self.stages[: max(self._taps) + 1]):
            x = stage(x)
            if place in self._taps:
                found[place] = x
        return [found[tap] for tap in self._taps]
