"""Weights to start from, in a network that is about to be trained.

- "imagenet": EfficientNet-Lite0's published ImageNet weights, which medsiam carries
  (weights/README.md says where they are from and how they were converted).
- a shipped encoder's name, or an encoder folder: its backbone.
- a .safetensors file: weights of another project, such as MedicalNet's 3D ResNets (S. Chen et al.
  2019, arXiv:1904.00625) or an ImageNet ResNet, under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from medsiam.encoders.checkpoint import load_encoder
from medsiam.encoders.shipped import IMAGENET_LITE0
from medsiam.encoders.twin import TwinEncoder
from medsiam.errors import EncoderError

_NAMED = 4  # tensors named in a message
# Wrappers under whose name other projects save a network's tensors.
_PREFIXES = ("module.", "backbone.", "network.", "model.", "encoder.")


def load_start(network: TwinEncoder, weights: str) -> None:
    """Copy start weights into the backbone of a network.

    A first convolution for three channels is summed up for grey scans, as they would be repeated.

    Args:
        network: changed in place; whatever follows the backbone stays as it is.
        weights: "imagenet", a shipped encoder, an encoder folder or a .safetensors file.

    Raises:
        EncoderError: no such weights, or tensors that are not this backbone's, all named.
    """
    own = network.backbone.state_dict()
    if weights == "imagenet":
        source, tensors = Path("imagenet"), _imagenet(own)
    elif weights.endswith(".safetensors"):
        source = Path(weights)
        tensors = _renamed(_read(source))
    else:
        source = Path(weights)
        tensors = load_encoder(weights).network.backbone.state_dict()
    missing = sorted(own.keys() - tensors.keys())
    # Counters are of no use; a bias before a batch normalisation, which others leave out, is 0.
    missing = [name for name in missing if not name.endswith(("tracked", "downsample.0.bias"))]
    if missing:
        raise EncoderError(
            f"start weights {source}: {len(missing)} of the backbone's {len(own)} tensors are not "
            f"among them, first {', '.join(missing[:_NAMED])}; they are of another network"
        )
    # A head is left behind; layers that this backbone lacks make it another network.
    parts = {_part(name) for name in own}
    beyond = [
        name
        for name in sorted(tensors.keys() - own.keys())
        if _part(name) in parts and not name.endswith("tracked")
    ]
    if beyond:
        raise EncoderError(
            f"start weights {source}: {len(beyond)} tensors are of layers that this backbone does "
            f"not have, first {', '.join(beyond[:_NAMED])}; set encoder.backbone as it was there"
        )
    fitting = {name: _grey(tensors[name], own[name]) for name in own if name in tensors}
    wrong = [
        f"{name} is {tuple(fitting[name].shape)}, not {tuple(own[name].shape)}"
        for name in fitting
        if fitting[name].shape != own[name].shape
    ]
    if wrong:
        raise EncoderError(
            f"start weights {source}: other shapes than the backbone's: "
            + "; ".join(wrong[:_NAMED])
            + "; set encoder.backbone, encoder.width and recipe.in_channels as they were there"
        )
    zeros = {
        name: torch.zeros_like(own[name])
        for name in own.keys() - fitting.keys()
        if name.endswith("downsample.0.bias")
    }
    network.backbone.load_state_dict(own | zeros | fitting)


def _part(name: str) -> str:
    """Kind of layer: "layer" of "network.layer1.0.conv1.weight"."""
    return name.removeprefix("network.").partition(".")[0].rstrip("0123456789")


def _imagenet(own: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tensors = load_file(IMAGENET_LITE0)
    if not any(name.startswith("network.blocks.") for name in own):
        raise EncoderError(
            'start.weights = "imagenet" is for encoder.backbone = "efficientnet-lite0"; for '
            "another backbone give a .safetensors file"
        )
    return {name: value.float() for name, value in tensors.items()}


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except FileNotFoundError:
        raise EncoderError(f"start weights {path}: there is no such file") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise EncoderError(
            f"start weights {path}: no safetensors file, or a damaged one; convert weights of "
            "other forms once (torch, weights_only=True, then safetensors.torch.save_file)"
        ) from error


def _renamed(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors under the names that the backbone has for them."""
    found = {}
    for name, value in tensors.items():
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        found[f"network.{name}"] = value
    return found


def _grey(theirs: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """A first convolution for colour, as it acts on grey that is repeated."""
    if theirs.ndim == own.ndim > 2 and theirs.shape[1] == 3 and own.shape[1] == 1:
        return theirs.sum(dim=1, keepdim=True)
    return theirs
