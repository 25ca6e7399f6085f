"""MONAI networks as feature extractors: 2D and 3D, any input down to 8 voxels along an axis.

Every backbone gives its last spatial feature map, and the mean over it as a vector. No network
downloads weights.

Where MONAI's own network would refuse a thin volume (48 x 48 x 12) or do four to eight times the
work for nothing, the part concerned is set otherwise, and the reason stands beside it. Inputs
that MONAI takes as well give MONAI's own result.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
from monai.networks.nets.densenet import DenseNet121
from monai.networks.nets.efficientnet import EfficientNetBN, MBConvBlock
from monai.networks.nets.resnet import ResNet
from monai.networks.nets.vit import ViT
from torch import nn
from torch.nn import functional

from medsiam.errors import UsageError

_RESNET_LAYERS = {
    "resnet10": ("basic", (1, 1, 1, 1)),
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
}
_RESNET_PLANES = (64, 128, 256, 512)
_RESNET_STAGES = ("conv1", "bn1", "act", "maxpool", "layer1", "layer2", "layer3", "layer4")

_DENSENET_CHANNELS = 1024

_VIT_HIDDEN = 384
_VIT_PATCHES = (16, 8, 4, 2, 1)
_VIT_FEWEST_PATCHES = 5  # along an axis
_VIT_MOST_TOKENS = 2048  # attention grows with the square of it


class Backbone(nn.Module):
    """A network from images to a spatial feature map, and the mean over that map.

    Attributes:
        feature_dim: channels of the feature map, length of the pooled vector.
    """

    def __init__(self, network: nn.Module, *, feature_dim: int) -> None:
        super().__init__()
        self.network = network
        self.feature_dim = feature_dim

    def feature_maps(self, x: torch.Tensor) -> torch.Tensor:
        """Last spatial feature map: (n, in_channels, *size) -> (n, feature_dim, *map size)."""
        maps: torch.Tensor = self.network(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, in_channels, *size) -> (n, feature_dim)."""
        return self.feature_maps(x).flatten(2).mean(dim=2)


def build_backbone(
    name: str,
    *,
    spatial_dims: int,
    in_channels: int = 1,
    width: float = 1.0,
    image_size: Sequence[int] | None = None,
) -> Backbone:
    """Build a backbone with fresh weights (drawn from torch's global generator).

    Args:
        name: one of `BACKBONES`.
        spatial_dims: 2 or 3.
        in_channels: 1 for grey, 3 for colour.
        width: channel multiplier, for the ResNets only.
        image_size: input size, which the ViT needs and the others ignore.

    Raises:
        UsageError: unknown name, or an argument that this backbone cannot take.
    """
    if spatial_dims not in (2, 3):
        raise UsageError(f"spatial_dims must be 2 or 3, got {spatial_dims}")
    if name in _RESNET_LAYERS:
        return _resnet(name, spatial_dims, in_channels, width)
    if width != 1.0:
        raise UsageError(f"width = {width} is for the ResNets; {name} has one width only")
    if name == "densenet121":
        return _densenet(spatial_dims, in_channels)
    if name == "efficientnet-b0":
        return _efficientnet(spatial_dims, in_channels)
    if name == "vit":
        return _vit(spatial_dims, in_channels, image_size)
    raise UsageError(f"unknown backbone {name!r}")


def _resnet(name: str, spatial_dims: int, in_channels: int, width: float) -> Backbone:
    """ResNet with the stride-2 stem of He et al. 2015, https://arxiv.org/abs/1512.03385.

    MONAI's default stem has stride 1: four (2D) or eight (3D) times the work.
    """
    block, layers = _RESNET_LAYERS[name]
    net = ResNet(
        block=block,
        layers=list(layers),
        block_inplanes=[max(1, round(planes * width)) for planes in _RESNET_PLANES],
        spatial_dims=spatial_dims,
        n_input_channels=in_channels,
        conv1_t_size=7,
        conv1_t_stride=2,
        feed_forward=False,
    )
    stages = OrderedDict((stage, getattr(net, stage)) for stage in _RESNET_STAGES)
    return Backbone(nn.Sequential(stages), feature_dim=net.in_planes)


def _densenet(spatial_dims: int, in_channels: int) -> Backbone:
    """DenseNet-121 of Huang et al. 2017, https://arxiv.org/abs/1608.06993."""
    net = DenseNet121(spatial_dims=spatial_dims, in_channels=in_channels, out_channels=1)
    for name, module in net.features.named_children():
        if name.startswith("transition"):
            module.pool = _HalvingPool()  # an axis down to one voxel stays at one
    net.features.add_module("relu5", nn.ReLU())
    return Backbone(net.features, feature_dim=_DENSENET_CHANNELS)


class _HalvingPool(nn.Module):
    """Mean over blocks of two along each axis that still has two voxels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        block = [min(2, n) for n in x.shape[2:]]
        pool = functional.avg_pool2d if len(block) == 2 else functional.avg_pool3d
        return pool(x, block)


def _efficientnet(spatial_dims: int, in_channels: int) -> Backbone:
    """EfficientNet-B0 of Tan and Le 2019, https://arxiv.org/abs/1905.11946, head included."""
    net = EfficientNetBN(
        "efficientnet-b0",
        pretrained=False,
        progress=False,
        spatial_dims=spatial_dims,
        in_channels=in_channels,
        num_classes=1,
        norm=("batch", {"eps": 1e-3, "momentum": 0.1}),  # 0.01 lags behind short training runs
    )
    # MONAI fixes the padding for an input of 224 along every axis; the paper's rule
    # ("same": output = input / stride, rounded up) is followed for the input at hand.
    for block in net.modules():
        if isinstance(block, MBConvBlock):
            block._depthwise_conv_padding = _SamePadding(block._depthwise_conv)
    parts = OrderedDict(
        stem_padding=_SamePadding(net._conv_stem),
        stem=net._conv_stem,
        stem_norm=net._bn0,
        stem_act=nn.SiLU(),
        blocks=net._blocks,
        head=net._conv_head,
        head_norm=net._bn1,
        head_act=nn.SiLU(),
    )
    return Backbone(nn.Sequential(parts), feature_dim=net._conv_head.out_channels)


class _SamePadding(nn.Module):
    """Zeros around the input, so that a convolution gives ceil(size / stride) voxels."""

    def __init__(self, convolution: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> None:
        super().__init__()
        self.kernel_size = tuple(convolution.kernel_size)
        self.stride = tuple(convolution.stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding: list[int] = []
        for n, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            total = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
            padding = [total // 2, total - total // 2, *padding]  # last axis first
        return functional.pad(x, padding)


def _vit(spatial_dims: int, in_channels: int, image_size: Sequence[int] | None) -> Backbone:
    """Vision transformer of Dosovitskiy et al. 2021, https://arxiv.org/abs/2010.11929.

    Six layers of 384 (six heads), for the small inputs and the few scans there are here; the
    mean of the patch tokens takes the place of a class token.
    """
    if image_size is None or len(image_size) != spatial_dims:
        raise UsageError(
            f"backbone vit needs image_size with {spatial_dims} values, got {image_size}: "
            "its position embedding holds for one input size"
        )
    patch = [_patch_edge(n) for n in image_size]
    grid = [n // edge for n, edge in zip(image_size, patch, strict=True)]
    if math.prod(grid) > _VIT_MOST_TOKENS:
        raise UsageError(
            f"backbone vit: an input of {tuple(image_size)} makes {math.prod(grid)} patches of "
            f"{tuple(patch)}, more than {_VIT_MOST_TOKENS}; take sizes that 8 or 16 divides"
        )
    net = ViT(
        in_channels=in_channels,
        img_size=tuple(image_size),
        patch_size=tuple(patch),
        hidden_size=_VIT_HIDDEN,
        mlp_dim=4 * _VIT_HIDDEN,
        num_layers=6,
        num_heads=6,
        spatial_dims=spatial_dims,
    )
    for block in net.blocks:
        block.norm_cross_attn = nn.Identity()  # a weight that MONAI keeps and never uses
    return Backbone(_PatchMap(net, tuple(image_size), grid), feature_dim=_VIT_HIDDEN)


def _patch_edge(n: int) -> int:
    """Largest patch that divides an axis of `n` voxels and leaves enough patches along it."""
    for edge in _VIT_PATCHES:
        if n % edge == 0 and n // edge >= _VIT_FEWEST_PATCHES:
            return edge
    return 1


class _PatchMap(nn.Module):
    """A ViT whose patch tokens are laid out as a spatial feature map."""

    def __init__(self, vit: ViT, image_size: tuple[int, ...], grid: Sequence[int]) -> None:
        super().__init__()
        self.vit = vit
        self.image_size = image_size
        self.grid = tuple(grid)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(x.shape[2:]) != self.image_size:
            raise UsageError(
                f"this vit takes inputs of {self.image_size}, got {tuple(x.shape[2:])}"
            )
        tokens: torch.Tensor = self.vit(x)[0]  # (n, patches, hidden)
        return tokens.transpose(1, 2).reshape(len(x), -1, *self.grid)
