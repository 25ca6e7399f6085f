from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from medsiam.encoders.same_padding import SamePadding


@pytest.mark.parametrize("size", [7, 8, 15, 32])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2)])
def test_a_convolution_gives_size_by_stride_rounded_up(size, kernel, stride):
    convolution = nn.Conv2d(1, 1, kernel, stride)
    padded = SamePadding(convolution)(torch.ones(1, 1, size, size + 1))
    expected = (math.ceil(size / stride), math.ceil((size + 1) / stride))
    assert convolution(padded).shape[2:] == expected
    assert padded.sum() == size * (size + 1)  # zeros only
