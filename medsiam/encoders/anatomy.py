"""Segment first, then measure: a backbone whose features are sizes and shapes of structures.

A small U-Net (O. Ronneberger et al. 2015, arXiv:1505.04597), trained on expert masks of common
conditions, finds the structures; what is embedded are measures of its own soft segmentation. No
mask is needed for a new scan. On rare heart conditions that no part of it was trained on this
beats every feature that a network found by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets.unet import UNet
from torch.nn import functional

from medsiam.encoders.anatomy_measures import list_measures, measure
from medsiam.encoders.backbone import Backbone
from medsiam.encoders.card import AnatomyPlan
from medsiam.encoders.measure_scale import MeasureScale

REACH = 1  # neighbouring slices on either side that the network sees beside the one it segments


class AnatomyBackbone(Backbone):
    """From volumes to scaled measures of the structures found in them.

    Attributes:
        plan: structures, spacing, channels.
        scale: makes measures comparable; the identity until it is fitted after training.
    """

    def __init__(self, plan: AnatomyPlan) -> None:
        """Build the network with fresh weights (drawn from torch's global generator)."""
        network = UNet(
            spatial_dims=2,
            in_channels=2 * REACH + 1,
            out_channels=1 + len(plan.structures),
            channels=plan.channels,
            strides=(2,) * (len(plan.channels) - 1),
            num_res_units=1,
            norm="batch",
        )
        names = list_measures(plan)
        super().__init__(network, stages=(network,), channels=(len(names),))
        self.plan = plan
        self.scale = MeasureScale([name.family for name in names])

    def used_maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The probabilities, see `feature_maps`."""
        return [self.feature_maps(x)]

    def pooled(self, used_maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Probabilities -> (n, feature_dim), scaled measures."""
        (shares,) = used_maps
        scaled: torch.Tensor = self.scale(measure(shares, self.plan))
        return scaled

    def measures(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1, *size) -> (n, feature_dim), in mm and ml, in the order of `list_measures`."""
        return measure(self.feature_maps(x), self.plan)

    def feature_maps(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities, background first: (n, 1, *size) -> (n, 1 + structures, *size).

        What preparing added around the scan, plain zeros, is background.
        """
        stacks = slice_stacks(x)
        n_slices = x.shape[-1]
        # In parts: a batch of volumes has hundreds of slices.
        size = len(stacks) if self.training else n_slices
        parts = [self.logits(stacks[i : i + size]) for i in range(0, len(stacks), size)]
        shares = torch.cat(parts).float().softmax(dim=1)
        empty = (stacks[:, REACH] == 0).flatten(1).all(dim=1)[:, None, None, None]
        nothing = torch.zeros_like(shares)
        nothing[:, 0] = 1
        shares = torch.where(empty, nothing, shares)
        return shares.reshape(len(x), n_slices, *shares.shape[1:]).movedim(1, -1)

    def logits(self, stacks: torch.Tensor) -> torch.Tensor:
        """Segment slices: (m, 2 * REACH + 1, x, y) -> (m, 1 + structures, x, y).

        Sides that the network cannot halve often enough are padded for it.
        """
        step = 2 ** (len(self.plan.channels) - 1)
        sides = stacks.shape[2:]
        more = [-side % step for side in sides]
        padded = functional.pad(stacks, (0, more[1], 0, more[0]))
        found: torch.Tensor = self.network(padded.contiguous(memory_format=torch.channels_last))
        return found[:, :, : sides[0], : sides[1]]


def slice_stacks(x: torch.Tensor) -> torch.Tensor:
    """Each slice of volumes with its neighbours; beyond the ends there are zeros.

    Args:
        x: (n, 1, x, y, z).

    Returns:
        (n * z, 2 * REACH + 1, x, y).
    """
    n_slices = x.shape[-1]
    padded = functional.pad(x[:, 0], (REACH, REACH))
    looks = [padded[..., start : start + n_slices] for start in range(2 * REACH + 1)]
    return torch.stack(looks, dim=1).movedim(-1, 1).flatten(0, 1)
