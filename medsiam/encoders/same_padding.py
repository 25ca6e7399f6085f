"""Zero padding by EfficientNet's rule, for the input at hand."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class SamePadding(nn.Module):
    """Zeros around the input, so that a convolution gives ceil(size / stride) voxels.

    MONAI fixes this padding for one input size when the network is built, and is wrong without a
    word for others.
    """

    def __init__(self, convolution: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> None:
        super().__init__()
        self.kernel_size = tuple(convolution.kernel_size)
        self.stride = tuple(convolution.stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, channels, *size) -> (n, channels, *padded size)."""
        padding: list[int] = []
        for n, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            total = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
            padding = [total // 2, total - total // 2, *padding]  # last axis first
        return functional.pad(x, padding)
