"""EfficientNet-Lite0 built from MONAI's EfficientNet, so that published weights fit.

Lite0 (Tensorflow TPU models, 2020) is EfficientNet-B0 of Tan and Le 2019
(https://arxiv.org/abs/1905.11946) without squeeze-and-excitation and with ReLU6 for Swish. The
1280-channel head and the classifier are left out: what they know is ImageNet's classes, and on
conditions never seen the stages before them do better.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from monai.networks.nets.efficientnet import EfficientNet, MBConvBlock
from torch import nn

from medsiam.encoders.same_padding import SamePadding

_BLOCKS = (
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
)
LITE0_CHANNELS = (32, 16, 24, 40, 80, 112, 192, 320)


class Lite0Input(nn.Module):
    """Values of 0 to 1 as the published weights expect them: (255 x - 127) / 128."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1 or 3, height, width) -> (n, 3, height, width)."""
        scaled = (x * 255 - 127) / 128
        return scaled if x.shape[1] == 3 else scaled.expand(-1, 3, *x.shape[2:])


def lite0_network() -> tuple[nn.Module, tuple[nn.Module, ...]]:
    """Build Lite0 for images, with fresh weights.

    Returns:
        the network, and its stages: the stem (0) and seven groups of blocks (1 to 7), whose maps
        have `LITE0_CHANNELS`.
    """
    net = EfficientNet(list(_BLOCKS), spatial_dims=2, num_classes=1, drop_connect_rate=0.0)
    for block in net.modules():
        if isinstance(block, MBConvBlock):
            block._swish = nn.ReLU6()
            block._depthwise_conv_padding = SamePadding(block._depthwise_conv)
    stem = nn.Sequential(
        OrderedDict(
            scale=Lite0Input(),
            padding=SamePadding(net._conv_stem),
            convolution=net._conv_stem,
            norm=net._bn0,
            act=nn.ReLU6(),
        )
    )
    network = nn.Sequential(OrderedDict(stem=stem, blocks=net._blocks))
    return network, (stem, *net._blocks)
