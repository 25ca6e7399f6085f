"""Networks that saw no medical image: random weights, and ImageNet's."""

from __future__ import annotations

from typing import Literal

from medsiam.encoders.card import Architecture
from medsiam.encoders.encoder import Encoder, new_encoder
from medsiam.encoders.start import load_start
from medsiam.preprocessing.recipe import Recipe

Dims = Literal[2, 3]

_LITE0_FEATURES = 320


def random_encoder(spatial_dims: Dims, *, random_state: int = 0) -> Encoder:
    """MONAI's ResNet-18 with random weights and its 512 pooled features.

    It takes whole scans of 96 x 96 or 48 x 48 x 48.
    """
    recipe = Recipe(
        spatial_dims=spatial_dims, spatial_size=(96, 96) if spatial_dims == 2 else (48,) * 3
    )
    architecture = Architecture(
        spatial_dims=spatial_dims, backbone="resnet18", project=False, embedding_dim=512
    )
    return new_encoder(
        architecture,
        recipe,
        name="random-resnet18",
        licence="none: random weights",
        random_state=random_state,
    )


def imagenet_encoder(spatial_dims: Dims) -> Encoder:
    """EfficientNet-Lite0 with ImageNet's weights: the 320 pooled features of its last blocks.

    It takes whole images of 224 x 224, or the slices of whole volumes of 128 x 128 x 16.
    """
    recipe = Recipe(
        spatial_dims=spatial_dims, spatial_size=(224, 224) if spatial_dims == 2 else (128, 128, 16)
    )
    architecture = Architecture(
        spatial_dims=spatial_dims,
        backbone="efficientnet-lite0",
        project=False,
        embedding_dim=_LITE0_FEATURES,
    )
    encoder = new_encoder(architecture, recipe, name="imagenet-lite0", licence="Apache-2.0")
    load_start(encoder.network, "imagenet")
    return encoder.with_card()
