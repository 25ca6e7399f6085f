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
from dataclasses import dataclass
from itertools import pairwise

import torch
from monai.networks.nets.densenet import DenseNet121
from monai.networks.nets.efficientnet import EfficientNetBN, MBConvBlock
from monai.networks.nets.resnet import ResNet
from monai.networks.nets.vit import ViT
from torch import nn
from torch.nn import functional

from medsiam.encoders.anatomy import AnatomyBackbone
from medsiam.encoders.backbone import Backbone
from medsiam.encoders.card import Architecture
from medsiam.encoders.lite0 import LITE0_CHANNELS, lite0_network
from medsiam.encoders.same_padding import SamePadding
from medsiam.encoders.shape import ShapeBackbone
from medsiam.encoders.slices import EverySoManySlices, SliceBySlice
from medsiam.errors import UsageError

_RESNET_LAYERS = {
    "resnet10": ("basic", (1, 1, 1, 1)),
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
}
_RESNET_PLANES = (64, 128, 256, 512)
_RESNET_PARTS = ("conv1", "bn1", "act", "maxpool", "layer1", "layer2", "layer3", "layer4")
_RESNET_STEM = 4  # of these parts

_DENSENET_CHANNELS = (128, 256, 512, 1024)

_VIT_HIDDEN = 384
_VIT_PATCHES = (16, 8, 4, 2, 1)
_VIT_FEWEST_PATCHES = 5  # along an axis
_VIT_MOST_TOKENS = 2048  # attention grows with the square of it


def build_backbone(architecture: Architecture) -> Backbone:
    """Build a backbone with fresh weights (drawn from torch's global generator).

    Raises:
        UsageError: a setting that this backbone cannot take.
    """
    name, dims = architecture.backbone, architecture.spatial_dims
    if architecture.width != 1.0 and name not in _RESNET_LAYERS:
        raise UsageError(
            f"width = {architecture.width} is for the ResNets; {name} has one width only"
        )
    if architecture.anatomy is not None:
        return AnatomyBackbone(architecture.anatomy)
    if architecture.spacing is not None:
        return ShapeBackbone(architecture.spacing)
    if name in _RESNET_LAYERS:
        parts = _resnet(name, dims, architecture.in_channels, architecture.width)
    elif name == "densenet121":
        parts = _densenet(dims, architecture.in_channels)
    elif name == "efficientnet-b0":
        parts = _efficientnet(dims, architecture.in_channels)
    elif name == "efficientnet-lite0":
        parts = _lite0(dims)
    elif name == "vit":
        parts = _vit(dims, architecture.in_channels, architecture.image_size)
    else:
        raise UsageError(f"backbone {name!r} is not there yet")
    return Backbone(
        parts.network,
        stages=parts.stages,
        channels=parts.channels,
        taps=architecture.stages,
        pooling=architecture.pooling,
    )


def feature_dim(architecture: Architecture) -> int:
    """Length of what `build_backbone` makes of an image, found without drawing weights."""
    with torch.device("meta"):
        return build_backbone(architecture).feature_dim


@dataclass(frozen=True)
class _Parts:
    """A network, its stages from the input on, and the channels of each stage's map."""

    network: nn.Module
    stages: tuple[nn.Module, ...]
    channels: tuple[int, ...]


def _lite0(spatial_dims: int) -> _Parts:
    """Published weights are for images: a volume goes through them slice by slice."""
    network, stages = lite0_network()
    if spatial_dims == 3:
        stem, *groups = (SliceBySlice(stage) for stage in stages)
        stages = (nn.Sequential(EverySoManySlices(), stem), *groups)
    return _Parts(network, stages=stages, channels=LITE0_CHANNELS)


def _resnet(name: str, spatial_dims: int, in_channels: int, width: float) -> _Parts:
    """ResNet with the stride-2 stem of He et al. 2015, https://arxiv.org/abs/1512.03385.

    MONAI's default stem has stride 1: four (2D) or eight (3D) times the work.
    """
    block, layers = _RESNET_LAYERS[name]
    planes = [max(1, round(n * width)) for n in _RESNET_PLANES]
    net = ResNet(
        block=block,
        layers=list(layers),
        block_inplanes=planes,
        spatial_dims=spatial_dims,
        n_input_channels=in_channels,
        conv1_t_size=7,
        conv1_t_stride=2,
        feed_forward=False,
    )
    network = nn.Sequential(OrderedDict((name, getattr(net, name)) for name in _RESNET_PARTS))
    expansion = net.in_planes // planes[-1]
    return _Parts(
        network,
        stages=(network[:_RESNET_STEM], *list(network)[_RESNET_STEM:]),
        channels=(planes[0], *(expansion * n for n in planes)),
    )


def _densenet(spatial_dims: int, in_channels: int) -> _Parts:
    """DenseNet-121 of Huang et al. 2017, https://arxiv.org/abs/1608.06993."""
    net = DenseNet121(spatial_dims=spatial_dims, in_channels=in_channels, out_channels=1)
    for name, module in net.features.named_children():
        if name.startswith("transition"):
            module.pool = _HalvingPool()  # an axis down to one voxel stays at one
    net.features.add_module("relu5", nn.ReLU())
    ends = [
        place + 1
        for place, (name, _) in enumerate(net.features.named_children())
        if name.startswith("transition") or name == "relu5"
    ]
    return _Parts(
        net.features,
        stages=tuple(net.features[a:b] for a, b in pairwise((0, *ends))),
        channels=_DENSENET_CHANNELS,
    )


class _HalvingPool(nn.Module):
    """Mean over blocks of two along each axis that still has two voxels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        block = [min(2, n) for n in x.shape[2:]]
        pool = functional.avg_pool2d if len(block) == 2 else functional.avg_pool3d
        pooled: torch.Tensor = pool(x, block)
        return pooled


def _efficientnet(spatial_dims: int, in_channels: int) -> _Parts:
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
            block._depthwise_conv_padding = SamePadding(block._depthwise_conv)
    parts = OrderedDict(
        stem_padding=SamePadding(net._conv_stem),
        stem=net._conv_stem,
        stem_norm=net._bn0,
        stem_act=nn.SiLU(),
        blocks=net._blocks,
        head=net._conv_head,
        head_norm=net._bn1,
        head_act=nn.SiLU(),
    )
    network = nn.Sequential(parts)
    return _Parts(
        network,
        stages=(network[:4], *net._blocks, network[5:]),
        channels=(
            *(net._conv_stem.out_channels, *map(_out_channels, net._blocks)),
            net._conv_head.out_channels,
        ),
    )


def _out_channels(group: nn.Module) -> int:
    blocks = [block for block in group.children() if isinstance(block, MBConvBlock)]
    channels: int = blocks[-1]._project_conv.out_channels
    return channels


def _vit(spatial_dims: int, in_channels: int, image_size: Sequence[int] | None) -> _Parts:
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
    network = _PatchMap(net, tuple(image_size), grid)
    return _Parts(network, stages=(network,), channels=(_VIT_HIDDEN,))


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
