"""Measures of the training part, made once: they stay the same however often a scan is drawn."""

from __future__ import annotations

import torch

from medsiam.encoders.shape import ShapeBackbone
from medsiam.training.dataset import PreparedScans
from medsiam.training.sampling import Indices


class ShapeFeatures:
    """What a shape backbone gives for the scans it is fitted on.

    Args:
        backbone: its scale is fitted on the scans.
        scans: the training part.
    """

    def __init__(self, backbone: ShapeBackbone, scans: PreparedScans) -> None:
        with torch.no_grad():
            measures = torch.cat([backbone.measures(volume[None]) for volume in scans.tensors])
            backbone.scale.fit(measures)
            self._features: torch.Tensor = backbone.scale(measures)

    def __call__(self, positions: Indices) -> torch.Tensor:
        """Return (n, feature_dim) of the scans at (n,) positions of the training part."""
        return self._features[torch.from_numpy(positions)]
