from __future__ import annotations

import torch
from torch import nn

from medsiam.encoders.slices import SliceBySlice


def test_each_slice_goes_through_alone():
    module = nn.Conv2d(2, 3, 3, stride=2)
    volume = torch.rand(2, 2, 9, 7, 4)
    stacked = SliceBySlice(module)(volume)
    assert stacked.shape == (2, 3, 4, 3, 4)
    for place in range(4):
        torch.testing.assert_close(stacked[..., place], module(volume[..., place]))
