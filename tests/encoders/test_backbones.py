from __future__ import annotations

import pytest
import torch
from monai.networks.nets import DenseNet121, EfficientNetBN, ResNet, ViT
from torch import nn

from medsiam.encoders import BACKBONES, Architecture
from medsiam.encoders.backbones import build_backbone
from medsiam.errors import UsageError

# Deep 3D networks take seconds to draw their weights: the small ones stand for them.
OF_IMAGES = [name for name in BACKBONES if name not in ("anatomy", "shape")]
QUICK_3D = ("resnet10", "densenet121", "efficientnet-b0", "vit")


def build(name: str, size: tuple[int, ...], **fields):
    width = {"width": 0.125} if name.startswith("resnet") else {}
    image_size = {"image_size": size} if name == "vit" else {}
    architecture = Architecture(
        spatial_dims=len(size), backbone=name, **image_size | width | fields
    )
    return build_backbone(architecture).eval()


def settle(network: nn.Module, images: torch.Tensor) -> None:
    """Give the norms statistics, without which deep untrained networks fade to a constant."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    with torch.no_grad():
        network.train()(images)
    network.eval()


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("name", OF_IMAGES)
def test_2d_features_are_the_mean_of_the_map(name, in_channels):
    backbone = build(name, (40, 32), in_channels=in_channels)
    images = torch.rand(4, in_channels, 40, 32)
    settle(backbone, images)
    with torch.inference_mode():
        features, maps = backbone(images), backbone.feature_maps(images)
    assert features.shape == (4, backbone.feature_dim)
    assert maps.shape[:2] == features.shape
    assert maps.ndim == 4
    torch.testing.assert_close(features, maps.mean(dim=(2, 3)))
    assert not torch.allclose(features[0], features[1], atol=1e-7)


@pytest.mark.parametrize("size", [(40, 40, 40), (48, 48, 12), (8, 16, 8)])
@pytest.mark.parametrize("name", QUICK_3D)
def test_3d_features_of_small_and_thin_volumes(name, size):
    backbone = build(name, size)
    with torch.inference_mode():
        features = backbone(torch.rand(1, 1, *size))
        maps = backbone.feature_maps(torch.rand(1, 1, *size))
    assert features.shape == (1, backbone.feature_dim)
    assert maps.ndim == 5
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", OF_IMAGES)
def test_gradients_reach_every_weight(name):
    backbone = build(name, (32, 32)).train()
    backbone(torch.rand(3, 1, 32, 32)).square().sum().backward()
    silent = [key for key, weight in backbone.named_parameters() if weight.grad is None]
    assert not silent


@pytest.mark.parametrize(
    ("name", "layers", "block"),
    [
        ("resnet10", [1, 1, 1, 1], "basic"),
        ("resnet18", [2, 2, 2, 2], "basic"),
        ("resnet34", [3, 4, 6, 3], "basic"),
        ("resnet50", [3, 4, 6, 3], "bottleneck"),
    ],
)
def test_resnet_is_monais_with_a_stride_2_stem(name, layers, block):
    backbone = build(name, (32, 32), width=0.25)
    monai = ResNet(
        block, layers, [16, 32, 64, 128], spatial_dims=2, n_input_channels=1,
        conv1_t_stride=2, feed_forward=False,
    ).eval()  # fmt: skip
    assert backbone.network.conv1.stride == (2, 2)
    monai.load_state_dict(backbone.network.state_dict())
    images = torch.rand(2, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(images), monai(images))


def test_width_multiplies_the_channels():
    assert build("resnet10", (32, 32), width=0.5).feature_dim == 256
    assert build("resnet18", (32, 32), width=2).feature_dim == 1024
    assert build("resnet50", (32, 32), width=0.25).feature_dim == 512


def test_densenet_is_monais_where_that_works():
    backbone = build("densenet121", (40, 32))
    monai = DenseNet121(spatial_dims=2, in_channels=1, out_channels=1).eval()
    monai.features.load_state_dict(backbone.network.state_dict())
    images = torch.rand(2, 1, 40, 32)
    with torch.inference_mode():
        expected = monai.class_layers[:3](monai.features(images))
        torch.testing.assert_close(backbone(images), expected)


def test_efficientnet_is_monais_at_the_size_that_monai_pads_for():
    backbone = build("efficientnet-b0", (224, 224))
    monai = EfficientNetBN(
        "efficientnet-b0", pretrained=False, spatial_dims=2, in_channels=1
    ).eval()
    ours = list(backbone.network.state_dict().values())
    theirs = monai.state_dict()
    theirs.pop("_fc.weight"), theirs.pop("_fc.bias")
    monai.load_state_dict(dict(zip(theirs, ours, strict=True)), strict=False)
    monai._fc = nn.Identity()
    images = torch.rand(1, 1, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(images), monai(images), atol=1e-5, rtol=1e-4)


def test_vit_is_monais_with_its_tokens_laid_out():
    backbone = build("vit", (40, 48))
    monai = ViT(
        1, (40, 48), (8, 8), hidden_size=384, mlp_dim=1536, num_layers=6, num_heads=6,
        spatial_dims=2,
    ).eval()  # fmt: skip
    missing, unknown = monai.load_state_dict(backbone.network.vit.state_dict(), strict=False)
    assert not unknown
    assert all("norm_cross_attn" in key for key in missing)
    images = torch.rand(1, 1, 40, 48)
    with torch.inference_mode():
        tokens = monai(images)[0]
        maps = backbone.feature_maps(images)
    assert maps.shape == (1, 384, 5, 6)
    torch.testing.assert_close(maps[0, :, 2, 4], tokens[0, 2 * 6 + 4])
    torch.testing.assert_close(backbone(images), tokens.mean(dim=1))


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("vit", {}, "needs image_size"),
        ("vit", {"image_size": (32, 32, 32)}, "needs image_size with 2 values"),
        ("vit", {"image_size": (101, 103)}, "8 or 16 divides"),
        ("densenet121", {"width": 0.5}, "for the ResNets"),
    ],
)
def test_what_cannot_be_built_is_named(name, fields, words):
    with pytest.raises(UsageError, match=words):
        build_backbone(Architecture(spatial_dims=2, backbone=name, **fields))


def test_vit_refuses_another_input_size():
    with pytest.raises(UsageError, match=r"takes inputs of \(32, 32\), got \(40, 40\)"):
        build("vit", (32, 32))(torch.rand(1, 1, 40, 40))
