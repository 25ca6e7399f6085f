"""What is fitted once the weights are final: the whitening."""

from __future__ import annotations

import torch

from medsiam.encoders import Encoder
from medsiam.encoders.whitening import Whitening
from medsiam.training.dataset import PreparedScans
from medsiam.training.settings import WhiteningSettings

_BATCH = 32


def fit_whitening(encoder: Encoder, scans: PreparedScans, settings: WhiteningSettings) -> None:
    """Fit the network's whitening on the training part, every view of a scan a sample.

    Args:
        encoder: with final weights; its whitening is changed.
        scans: the training part.
        settings: whose scatter is divided out, and how much it is shrunk.
    """
    network = encoder.network
    if not isinstance(network.whitening, Whitening) or settings.scatter == "none":
        return
    network.eval()
    starts = range(0, len(scans.tensors), _BATCH)
    with torch.inference_mode():
        batches = [network.view_features(scans.tensors[i : i + _BATCH]) for i in starts]
    views = torch.cat(batches, dim=1)
    n_views = len(views)
    conditions = scans.conditions * n_views if settings.scatter == "conditions" else None
    network.whitening.fit(views.flatten(0, 1), conditions, shrinkage=settings.shrinkage)
