"""A backbone without weights: the measures of a two-valued volume, made comparable."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from medsiam.encoders.backbone import Backbone
from medsiam.encoders.measure_scale import MeasureScale
from medsiam.encoders.shape_measures import list_shape_measures, measure_shapes


class ShapeBackbone(Backbone):
    """From prepared masks to scaled measures of the structure in them (`shape_measures`).

    Attributes:
        spacing: mm between the voxels it sees.
        scale: makes measures comparable; the identity until it is fitted, before training.
    """

    def __init__(self, spacing: tuple[float, ...]) -> None:
        """Prepare for volumes of this spacing (mm)."""
        names = list_shape_measures()
        network = nn.Identity()
        super().__init__(network, stages=(network,), channels=(len(names),))
        self.spacing = spacing
        self.scale = MeasureScale([name.family for name in names])

    def pooled(self, used_maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Volumes -> (n, feature_dim), scaled measures."""
        (volumes,) = used_maps
        scaled: torch.Tensor = self.scale(self.measures(volumes))
        return scaled

    def measures(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1, *size) -> (n, feature_dim), unscaled, in the order of `list_shape_measures`."""
        return measure_shapes(x, self.spacing)
