from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from medsiam.encoders.slices import SLICES, EverySoManySlices, SliceBySlice


def test_each_slice_goes_through_alone():
    module = nn.Conv2d(2, 3, 3, stride=2)
    volume = torch.rand(2, 2, 9, 7, 4)
    stacked = SliceBySlice(module)(volume)
    assert stacked.shape == (2, 3, 4, 3, 4)
    for place in range(4):
        torch.testing.assert_close(stacked[..., place], module(volume[..., place]))


def test_slices_are_taken_evenly_and_all_of_a_thin_volume():
    volume = torch.arange(40.0).expand(1, 1, 2, 2, 40)
    taken = EverySoManySlices()(volume)[0, 0, 0, 0].tolist()
    assert len(taken) == SLICES
    assert {b - a for a, b in pairwise(taken)} == {5.0}
    assert abs(taken[0] - (39 - taken[-1])) <= 1
    assert torch.equal(EverySoManySlices()(volume[..., :6]), volume[..., :6])
