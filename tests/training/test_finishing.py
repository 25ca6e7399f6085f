"""Whitening is fitted on the training part, every view a sample; else nothing changes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from medsiam.encoders import TwinEncoder
from medsiam.encoders.whitening import Whitening
from medsiam.training.finishing import fit_whitening
from medsiam.training.settings import WhiteningSettings


@pytest.mark.parametrize("scatter", ["none", "conditions", "scans"])
def test_is_the_fit_on_all_views(scatter):
    torch.manual_seed(0)
    net = TwinEncoder(
        spatial_dims=2,
        backbone="resnet10",
        width=0.25,
        embedding_dim=8,
        views="flip",
        whitened_domains=int(scatter != "none"),
    ).eval()
    scans = SimpleNamespace(tensors=torch.randn(70, 1, 16, 16), conditions=[*"ab"] * 35)
    fit_whitening(
        SimpleNamespace(network=net), scans, WhiteningSettings(scatter=scatter, shrinkage=0.2)
    )
    if scatter == "none":
        assert isinstance(net.whitening, torch.nn.Identity)
        return
    with torch.inference_mode():
        views = [net.features(x) for x in (scans.tensors, scans.tensors.flip(2))]
    alone = Whitening(8)
    names = scans.conditions * 2 if scatter == "conditions" else None
    alone.fit(torch.cat(views), names, shrinkage=0.2)
    torch.testing.assert_close(net.whitening.matrix, alone.matrix, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(net.whitening.mean, alone.mean, rtol=1e-3, atol=1e-5)
