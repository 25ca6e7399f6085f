"""What the weights are before training, what of them may change, and how much of them stays."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from medsiam.encoders import TwinEncoder, load_start
from medsiam.errors import UsageError
from medsiam.training.settings import StartSettings

_PREFIX = "backbone."


def begin(network: TwinEncoder, settings: StartSettings) -> dict[str, torch.Tensor]:
    """Load start weights and freeze what is to stay.

    Weights from elsewhere keep their batch normalisation statistics: a few hundred scans give
    worse ones than what the weights were learned with.

    Args:
        network: with fresh weights; changed.
        settings: of the start.

    Returns:
        the backbone's weights, for `mix`; nothing where no share of them is to stay.

    Raises:
        EncoderError: weights that do not fit, or more frozen stages than there are.
    """
    if settings.weights is not None:
        load_start(network, settings.weights)
    network.backbone.freeze(settings.frozen_stages, statistics=settings.weights is not None)
    if settings.share == 0:
        return {}
    weights = network.state_dict()
    return {k: v.clone() for k, v in weights.items() if k.startswith(_PREFIX)}


def mix(network: TwinEncoder, start: Mapping[str, torch.Tensor], share: float) -> None:
    """Set the backbone to share * start + (1 - share) * trained.

    M. Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022: on data unlike the
    training data the mean of both is better than either.

    Args:
        network: trained; changed.
        start: from `begin`.
        share: of the start, 0 to 1.
    """
    weights = network.state_dict()
    for name, before in start.items():
        if before.is_floating_point():
            weights[name].lerp_(before, share)


def check_size(network: TwinEncoder, in_channels: int, spatial_size: tuple[int, ...]) -> None:
    """Try the network on an empty scan before anything long begins.

    Raises:
        UsageError: a scan of this size is too small for the network.
    """
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, in_channels, *spatial_size))
    except (RuntimeError, ValueError, IndexError) as error:
        size = " x ".join(map(str, spatial_size))
        raise UsageError(
            f"recipe.spatial_size: {size} is thinner than the network allows; give every axis "
            "more voxels, or choose another encoder.backbone"
        ) from error
    finally:
        network.train(training)
