from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from medsiam.encoders import TwinEncoder
from medsiam.encoders.lite0 import LITE0_CHANNELS, Lite0Input
from medsiam.encoders.shipped import IMAGENET_LITE0
from medsiam.encoders.start import load_start

# Kernel, stride and repetitions of EfficientNet-Lite0's groups, from Tensorflow's description.
GROUPS = ((3, 1, 1), (3, 2, 2), (5, 2, 2), (3, 2, 3), (5, 1, 3), (5, 2, 4), (3, 1, 1))


def lite0(**fields) -> TwinEncoder:
    fields = {
        "spatial_dims": 2,
        "project": False,
        "normalize": False,
        "embedding_dim": 320,
    } | fields
    network = TwinEncoder(backbone="efficientnet-lite0", **fields)
    load_start(network, "imagenet")
    return network.eval()


def same(x, weight, *, stride, groups):
    """TensorFlow's "same" convolution."""
    total = [
        max((math.ceil(n / stride) - 1) * stride + weight.shape[-1] - n, 0) for n in x.shape[2:]
    ]
    y, x_ = total
    x = functional.pad(x, (x_ // 2, x_ - x_ // 2, y // 2, y - y // 2))
    return functional.conv2d(x, weight, stride=stride, groups=groups)


def reference(images: torch.Tensor) -> list[torch.Tensor]:
    """The map of every stage, in plain torch, from the tensors in their order."""
    from safetensors.torch import load_file

    own = {n: v.float() for n, v in load_file(IMAGENET_LITE0).items() if "tracked" not in n}
    names = [n for n, _ in lite0().backbone.named_parameters()]  # the order of construction
    weights = iter(names)

    def norm(x):
        scale, _ = next(weights), next(weights)
        base = scale.rsplit(".", 1)[0]
        mean, var = own[f"{base}.running_mean"], own[f"{base}.running_var"]
        shape = (1, -1, 1, 1)
        x = (x - mean.view(shape)) / (var.view(shape) + 1e-3).sqrt()
        return x * own[f"{base}.weight"].view(shape) + own[f"{base}.bias"].view(shape)

    def convolution(x, *, stride=1, groups=1):
        return same(x, own[next(weights)], stride=stride, groups=groups)

    x = ((images * 255 - 127) / 128).repeat(1, 3, 1, 1)
    x = norm(convolution(x, stride=2)).clamp(0, 6)
    maps = [x]
    for group, (_, first_stride, repeats) in enumerate(GROUPS):
        for repeat in range(repeats):
            stride, start = (first_stride if repeat == 0 else 1), x
            if group > 0:  # the first group does not widen
                x = norm(convolution(x)).clamp(0, 6)
            x = norm(convolution(x, stride=stride, groups=x.shape[1])).clamp(0, 6)
            x = norm(convolution(x))
            if start.shape == x.shape:
                x = x + start
        maps.append(x)
    return maps


@pytest.mark.parametrize("size", [(64, 64), (40, 56)])
def test_the_network_is_the_published_one(size):
    images = torch.rand(1, 1, *size)
    with torch.inference_mode():
        expected = reference(images)
        x = images
        for stage, maps in zip(lite0().backbone.stages, expected, strict=True):
            x = stage(x)
            torch.testing.assert_close(x, maps, atol=2e-4, rtol=1e-3)
    assert [maps.shape[1] for maps in expected] == list(LITE0_CHANNELS)


def test_grey_is_repeated_and_values_are_scaled():
    grey = torch.tensor([0.0, 127 / 255, 1.0]).reshape(1, 1, 1, 3)
    scaled = Lite0Input()(grey)
    assert scaled.shape == (1, 3, 1, 3)
    torch.testing.assert_close(scaled[0, :, 0, 0], torch.full((3,), -127 / 128))
    torch.testing.assert_close(scaled[0, 0, 0], torch.tensor([-127 / 128, 0.0, 1.0]))
    assert torch.equal(Lite0Input()(grey.repeat(1, 3, 1, 1)), scaled)


def test_a_volume_goes_through_slice_by_slice():
    volume = torch.rand(1, 1, 48, 48, 3)
    flat, deep = lite0(), lite0(spatial_dims=3)
    with torch.inference_mode():
        maps = deep.feature_maps(volume)
        slices = [flat.feature_maps(volume[..., k]) for k in range(3)]
    torch.testing.assert_close(maps, torch.stack(slices, dim=-1), atol=1e-5, rtol=1e-4)
